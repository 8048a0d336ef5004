// How long node's fastest compiler takes for a module, for comparison; run with
//     node --liftoff-only --no-wasm-lazy-compilation --single-threaded liftoff.mjs ROUNDS FILE
// Prints the nanoseconds of the fastest round.
import { readFileSync } from "node:fs";

const bytes = readFileSync(process.argv[3]);
let best = Infinity;
for (let round = Number(process.argv[2]); round > 0; round--) {
  const before = process.hrtime.bigint();
  new WebAssembly.Module(bytes);
  best = Math.min(best, Number(process.hrtime.bigint() - before));
}
console.log(best);
