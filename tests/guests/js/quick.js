// A JavaScript command for the small engine, which has no console: it writes to the stream itself.
import { getArguments, getEnvironment } from "wasi:cli/environment@0.2.12";
import { getStdout } from "wasi:cli/stdout@0.2.12";

function print(text) {
  const bytes = new Uint8Array([...`${text}\n`].map((letter) => letter.charCodeAt(0)));
  getStdout().blockingWriteAndFlush(bytes);
}

function fibonacci(n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

export const run = {
  run() {
    print("hello from QuickJS");
    print(`arguments ${JSON.stringify(getArguments().slice(1))}`);
    print(`environment ${JSON.stringify(getEnvironment())}`);
    print(`fibonacci ${fibonacci(20)}`);
  },
};
