"""A handler in Python: what componentize-py makes of a class, with the whole interpreter in the component."""
import json

from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports.wasi_http_types import (
    Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam)


def pieces(request):
    body = request.consume()
    with body.stream() as stream:
        while True:
            try:
                yield stream.blocking_read(65536)
            except Exception:
                break
    IncomingBody.finish(body)


def answer(out, status, parts):
    response = OutgoingResponse(Fields.from_list([('content-type', b'text/plain')]))
    response.set_status_code(status)
    body = response.body()
    ResponseOutparam.set(out, Ok(response))
    with body.write() as stream:
        for part in parts:
            while part:
                stream.blocking_write_and_flush(part[:4096])
                part = part[4096:]
    OutgoingBody.finish(body, None)


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        path = request.path_with_query()
        if path == '/hello':
            answer(response_out, 200, [b'hello from Python\n'])
        elif path == '/echo':
            answer(response_out, 200, pieces(request))
        elif path == '/json':
            numbers = json.loads(b''.join(pieces(request)))['numbers']
            answer(response_out, 200, [json.dumps({'sum': sum(numbers)}).encode()])
        elif path == '/raise':
            raise ValueError('as was asked')
        else:
            answer(response_out, 404, [b'no such path\n'])
