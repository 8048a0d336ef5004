// The other side of differential.c, on V8: the same calls, printed the same way.
import { readFileSync } from 'node:fs';

const ints = [0n, 1n, 7n, 0xffffffffffffffffn, 0x80000000n, 0x7fffffffffffffffn, 0x123456789n];
const floats = [0, 1, -1.5, 1e10, -1e300, 0.1, 4294967296.0];
const traps = [
    [/unreachable/, 'unreachable executed'],
    [/divide by zero|remainder by zero/, 'integer divide by zero'],
    [/divide result unrepresentable/, 'integer overflow'],
    [/memory access out of bounds/, 'out of bounds memory access'],
    [/table index is out of bounds|table index/, 'undefined element'],
    [/float unrepresentable/, 'float'],
    [/signature mismatch|null function/, 'indirect call type mismatch'],
];
const view = new DataView(new ArrayBuffer(8));

function bits(type, value) {
    if (type === 'I') return BigInt.asUintN(64, value).toString(16);
    if (type === 'i') return (value >>> 0).toString(16);
    if (Number.isNaN(value)) return 'nan';
    if (type === 'f') {
        view.setFloat32(0, value);
        return view.getUint32(0).toString(16);
    }
    view.setFloat64(0, value);
    return view.getBigUint64(0).toString(16);
}

function argument(type, n) {
    if (type === 'I') return BigInt.asIntN(64, ints[n % ints.length]);
    if (type === 'i') return Number(BigInt.asIntN(32, ints[n % ints.length]));
    return type === 'f' ? Math.fround(floats[n % floats.length]) : floats[n % floats.length];
}

function hash(memory) {
    let value = 2166136261;
    for (const byte of new Uint8Array(memory.buffer)) value = Math.imul(value ^ byte, 16777619);
    return (value >>> 0).toString(16);
}

function run(file) {
    const signatures = JSON.parse(readFileSync(file + '.json', 'utf8'));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {});
    const lines = [`file ${file}`];
    for (let round = 0; round < 3; round++) {
        for (const [name, [params, results]] of Object.entries(signatures)) {
            const args = [...params].map((type, i) => argument(type, round * 3 + i));
            try {
                const value = exports[name](...args);
                const values = results.length > 1 ? [...value] : results.length === 1 ? [value] : [];
                lines.push([name, ...values.map((v, i) => bits(results[i], v))].join(' '));
            } catch (error) {
                const known = traps.find(([pattern]) => pattern.test(error.message));
                lines.push(`${name} trap ${known ? known[1] : error.message}`);
            }
        }
        lines.push(`memory ${hash(exports.memory)}`);
    }
    return lines.join('\n');
}

for (const file of process.argv.slice(2)) console.log(run(file));
