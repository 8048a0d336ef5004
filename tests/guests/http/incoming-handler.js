// A handler that exports wasi:http/incoming-handler itself and works with its resources.
import {
  Fields, OutgoingBody, OutgoingResponse, ResponseOutparam, IncomingBody,
} from 'wasi:http/types@0.2.12';

function readAll(request) {
  const body = request.consume();
  const stream = body.stream();
  const pieces = [];
  for (;;) {
    try {
      pieces.push(new TextDecoder().decode(stream.blockingRead(65536n)));
    } catch (error) {
      break;
    }
  }
  stream[Symbol.dispose]();
  IncomingBody.finish(body);
  return pieces.join('');
}

export const incomingHandler = {
  handle(request, outparam) {
    const received = readAll(request);
    const fields = new Fields();
    fields.append('content-type', new TextEncoder().encode('text/plain'));
    const response = new OutgoingResponse(fields);
    const body = response.body();
    ResponseOutparam.set(outparam, { tag: 'ok', val: response });
    const stream = body.write();
    const text = `${request.method().tag} ${request.pathWithQuery()} ${received.length}\n`;
    stream.blockingWriteAndFlush(new TextEncoder().encode(text));
    stream[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
  },
};
