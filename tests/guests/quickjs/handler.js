// What QuickJS runs for each request: see handler.c for what it is given.
function copy() {
  respond(200);
  for (let piece = read(); piece !== null; piece = read()) {
    write(piece);
  }
}

function add() {
  let received = '';
  for (let piece = read(); piece !== null; piece = read()) {
    received += String.fromCharCode(...piece);
  }
  const sum = JSON.parse(received).numbers.reduce((a, b) => a + b, 0);
  respond(200);
  write(JSON.stringify({ sum }));
}

const ROUTES = {
  '/hello': () => { respond(200); write('hello from QuickJS\n'); },
  '/echo': copy,
  '/json': add,
  '/throw': () => { throw new Error('as was asked'); },
};
(ROUTES[path] ?? (() => { respond(404); write('no such path\n'); }))();
