// How long node's fastest compiler takes for a module, for comparison; run with
//     node --liftoff-only --no-wasm-lazy-compilation --single-threaded liftoff.mjs FILE
// Prints nanoseconds of processor time.
import { readFileSync } from "node:fs";

const bytes = readFileSync(process.argv[2]);
const before = process.cpuUsage();
new WebAssembly.Module(bytes);
const spent = process.cpuUsage(before);
console.log((spent.user + spent.system) * 1000);
