"""Components of several producers behind `swell serve`: what each makes of a handler must be served alike."""
import http.client
import json
import threading
import zlib

from attack import MIB, Target, pour
from harness import Case, expect

BODY_BYTES = 100000000


def ask(guest, *rows, options=()):
    """Rows of path, the request's body or None, and the answer's status and body (None: any)."""
    def call(box):
        with Target(box, ['--timeout', '50s', *options], guest=guest) as s:
            for path, body, status, answer in rows:
                got = s.get(path, 'GET' if body is None else 'POST', body)
                expect(got[0] == status and answer in (None, got[1]), f'{path}: {got}; log: {s.log()}')
    return call


def at_once(guest, path, answer):
    """Many requests side by side, each in an instance of its own."""
    def call(box):
        with Target(box, guest=guest) as s:
            s.expect(path, 200, answer)
            failures = []

            def client():
                try:
                    for _ in range(5):
                        s.expect(path, 200, answer)
                except Exception as error:
                    failures.append(error)
            threads = [threading.Thread(target=client) for _ in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            expect(not failures, f'{failures[:1]}')
            expect(s.counts()['swell_instances_total'] == 41, 'an instance is shared')
    return call


def streamed(guest, grows_mib):
    """100 MB go in and come out at the same time, through little memory."""
    def call(box):
        with Target(box, ['--timeout', '55s'], guest=guest) as s:
            s.get('/hello')
            before, most, done = s.resident_kib(), [0], threading.Event()

            def sample():
                while not done.wait(0.05):
                    most[0] = max(most[0], s.resident_kib())
            c = s.connect()
            c.sendall(b'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % BODY_BYTES)
            sent = []
            threads = [threading.Thread(target=sample),
                       threading.Thread(target=lambda: sent.append(pour(c, BODY_BYTES, False)))]
            for t in threads:
                t.start()
            try:
                answer = http.client.HTTPResponse(c, method='POST')
                answer.begin()
                length, checksum = 0, 0
                while piece := answer.read(MIB):
                    length += len(piece)
                    checksum = zlib.crc32(piece, checksum)
            finally:
                done.set()
                c.close()
                for t in threads:
                    t.join()
            expect((length, checksum) == (BODY_BYTES, sent[0]), f'{length} bytes come back, or others; log: {s.log()}')
            grown = most[0] - before
            expect(s.is_sanitized or grown < grows_mib * 1024, f'memory grows by {grown} KiB')
    return call


NUMBERS = json.dumps({'numbers': [1, 2, 39]}).encode()
CASES = [
    Case('C, streamed', call=streamed('http-routes.component', 4)),
    Case('JavaScript, fetch events', call=ask(
        'http-js-fetch.component', ('/hello', None, 200, b'hello from JavaScript\n'), ('/echo', b'abc' * 50000, 200, b'abc' * 50000),
        ('/json', NUMBERS, 200, b'{"sum":42}'), ('/stream', None, 200, b'4\n3\n2\n1\n0\n'), ('/else', None, 404, None))),
    Case('JavaScript, fetch events at once', call=at_once('http-js-fetch.component', '/hello', b'hello from JavaScript\n')),
    Case('JavaScript, fetch events, streamed', call=streamed('http-js-fetch.component', 200)),
    Case('JavaScript, the interface itself', call=ask(
        'http-js-handler.component', ('/a', None, 200, b'get /a 0\n'), ('/b', b'x' * 70000, 200, b'post /b 70000\n'))),
    Case('QuickJS', call=ask(
        'http-quickjs.component', ('/hello', None, 200, b'hello from QuickJS\n'), ('/echo', b'abc' * 50000, 200, b'abc' * 50000),
        ('/json', NUMBERS, 200, b'{"sum":42}'), ('/throw', None, 500, None), ('/else', None, 404, None))),
    Case('QuickJS, at once', call=at_once('http-quickjs.component', '/hello', b'hello from QuickJS\n')),
    Case('QuickJS, streamed', call=streamed('http-quickjs.component', 16)),
    Case('Python', call=ask(
        'http-python.component', ('/hello', None, 200, b'hello from Python\n'), ('/echo', b'abc' * 50000, 200, b'abc' * 50000),
        ('/json', NUMBERS, 200, b'{"sum": 42}'), ('/raise', None, 500, None), ('/else', None, 404, None))),
    Case('Python, at once', call=at_once('http-python.component', '/hello', b'hello from Python\n')),
    Case('Python, streamed', call=streamed('http-python.component', 200)),
]
