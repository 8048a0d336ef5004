// A JavaScript command that uses what the host offers: arguments, environment, a file, stdin, clocks,
// random numbers, and an engine's own work. The first argument "fail" makes it end with an error.
import { getArguments, getEnvironment } from "wasi:cli/environment@0.2.12";
import { getStdin } from "wasi:cli/stdin@0.2.12";
import { exit } from "wasi:cli/exit@0.2.12";
import { getDirectories } from "wasi:filesystem/preopens@0.2.12";
import { now } from "wasi:clocks/monotonic-clock@0.2.12";
import { getRandomBytes } from "wasi:random/random@0.2.12";

function readAll(stream) {
  const parts = [];
  for (;;) {
    try {
      parts.push(...stream.blockingRead(4096n));
    } catch {
      return new TextDecoder().decode(new Uint8Array(parts));
    }
  }
}

function files() {
  for (const [folder, name] of getDirectories()) {
    console.log(`folder ${name}`);
    try {
      const file = folder.openAt({ symlinkFollow: true }, "note.txt", {}, { read: true });
      const [bytes] = file.read(1000n, 0n);
      console.log(`note.txt: ${new TextDecoder().decode(bytes)}`);
    } catch (error) {
      console.log(`note.txt: ${error.payload}`);
    }
  }
}

function work() {
  const words = new Map();
  for (let i = 0; i < 20000; i++) {
    const word = `w${(i * 7919) % 1009}`;
    words.set(word, (words.get(word) ?? 0) + 1);
  }
  const text = JSON.stringify([...words].sort().slice(0, 3));
  console.log(`${words.size} words, ${text.replace(/"/g, "'")}`);
  console.log(`${(2n ** 200n) % 1000007n} ${Math.sin(1).toFixed(12)} ${[3, 1, 2].sort()}`);
}

export const run = {
  run() {
    const args = getArguments().slice(1);
    console.log(`arguments ${JSON.stringify(args)}`);
    console.log(`environment ${JSON.stringify(getEnvironment())}`);
    work();
    files();
    const before = now();
    console.log(`clock ${now() >= before}, random ${getRandomBytes(8n).length}`);
    if (args[0] === "stdin") {
      console.log(`stdin ${JSON.stringify(readAll(getStdin()))}`);
    }
    if (args[0] === "exit") {
      exit({ tag: "err" });
    }
    if (args[0] === "fail") {
      throw new Error("asked to fail");
    }
  },
};
