// A handler in the manner of service workers: what componentize-js makes of addEventListener.
addEventListener('fetch', (event) => event.respondWith(respond(event.request)));

async function respond(request) {
  const path = new URL(request.url).pathname;
  if (path === '/hello') {
    return new Response('hello from JavaScript\n', { headers: { 'content-type': 'text/plain' } });
  }
  if (path === '/echo') {
    return new Response(request.body, { status: 200 });
  }
  if (path === '/json') {
    const input = await request.json();
    return new Response(JSON.stringify({ sum: input.numbers.reduce((a, b) => a + b, 0) }));
  }
  if (path === '/headers') {
    const lines = [...request.headers].map(([name, value]) => `${name}: ${value}\n`).sort();
    return new Response(lines.join(''));
  }
  if (path === '/stream') {
    const encoder = new TextEncoder();
    let left = 5;
    return new Response(new ReadableStream({
      pull(controller) {
        if (left-- === 0) {
          controller.close();
        } else {
          controller.enqueue(encoder.encode(`${left}\n`));
        }
      },
    }));
  }
  if (path === '/fetch') {
    const reply = await fetch(request.headers.get('x-target'));
    return new Response(`${reply.status} ${await reply.text()}`);
  }
  return new Response('no such path\n', { status: 404 });
}
