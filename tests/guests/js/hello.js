// The smallest JavaScript command.
export const run = {
  run() {
    console.log("hello from JavaScript");
  },
};
