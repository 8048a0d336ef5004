"""A collector of spans on loopback: OTLP over HTTP in its JSON form, as far as the cases need it."""
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import expect

PATIENCE_SECONDS = 30
NUMBERS = ('intValue',)


def values_of(attributes):
    result = {}
    for a in attributes:
        (kind, value), = a['value'].items()
        expect(a['key'] not in result, f'{a["key"]} is there twice')
        result[a['key']] = int(value) if kind in NUMBERS else value
    return result


class Span:
    def __init__(self, resource, row):
        self.resource, self.row = resource, row
        self.trace, self.id, self.parent = row['traceId'], row['spanId'], row.get('parentSpanId')
        self.name, self.kind = row['name'], {2: 'server', 3: 'client'}[row['kind']]
        self.start, self.end = int(row['startTimeUnixNano']), int(row['endTimeUnixNano'])
        self.values = values_of(row['attributes'])
        self.failed = row['status'].get('code') == 2

    def __repr__(self):
        return f'{self.kind} {self.trace} {self.parent}>{self.id} {self.values}'


class Collector:
    """answers: statuses to give to the first requests; afterwards 200."""

    def __init__(self, answers=(), port=0):
        self.spans, self.requests, self.answers = [], [], list(answers)
        self.lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['content-length']))
                status = collector.take(self.path, self.headers, body)
                self.send_response(status)
                self.send_header('content-length', '2')
                self.end_headers()
                self.wfile.write(b'{}')

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def take(self, path, headers, body):
        with self.lock:
            self.requests.append((path, headers))
            status = self.answers.pop(0) if self.answers else 200
            if status == 200:
                for r in json.loads(body)['resourceSpans']:
                    resource = values_of(r['resource']['attributes'])
                    for scope in r['scopeSpans']:
                        self.spans += [Span(resource, row) for row in scope['spans']]
            return status

    def wait(self, count):
        """At least so many spans, in the order in which they began."""
        end = time.monotonic() + PATIENCE_SECONDS
        while len(self.spans) < count and time.monotonic() < end:
            time.sleep(0.02)
        with self.lock:
            expect(len(self.spans) >= count, f'{len(self.spans)} spans of {count}: {self.spans}')
            return sorted(self.spans, key=lambda s: s.start)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
