"""Traces through `swell serve`: contexts that come and go, spans at a collector, and one that fails."""
import re
import shutil
import socket
import subprocess
import time

from cases_serve import LIMIT, Server
from collector import Collector
from harness import Case, Skip, expect
from peer import Peer

TRACE, SPAN = '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'
PARENT = f'00-{TRACE}-{SPAN}-01'
OK = b'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello\n'


def fields_of(text):
    """What /dump says, or a head: the values of each field."""
    found = {}
    for line in text.splitlines()[1:]:
        name, _, value = line.partition(': ')
        found.setdefault(name.lower(), []).append(value)
    return found


def dump(server, headers=()):
    """The trace's fields as the guest sees them, for a request with these fields."""
    connection = server.connect()
    lines = ''.join(f'{name}: {value}\r\n' for name, value in headers)
    connection.sendall(f'GET /dump HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n'.encode())
    data = b''
    while more := connection.recv(65536):
        data += more
    connection.close()
    found = fields_of(data.split(b'\r\n\r\n', 1)[1].decode())
    return found.get('traceparent', []), found.get('tracestate', [])


# What is no context: the request begins a trace, and its state is dropped.
NO_CONTEXTS = [
    [('traceparent', PARENT.upper())],
    [('traceparent', PARENT), ('traceparent', PARENT)],
    [('traceparent', f'00-{"0" * 32}-{SPAN}-01')],
    [('traceparent', f'00-{TRACE}-{"0" * 16}-01')],
    [('traceparent', f'ff-{TRACE}-{SPAN}-01')],
    [('traceparent', PARENT + '-more')],
    [('traceparent', '')],
    [],
]


def taken_part(box):
    """With a collector the guest sees a span of ours, in the trace of the request or a new one."""
    with Collector() as c, Server(box, options=['--otlp', c.url, '--workers', '1']) as s:
        (parent,), state = dump(s, [('TraceParent', PARENT), ('tracestate', 'a=1'), ('tracestate', 'b=2')])
        version, trace, span, flags = parent.split('-')
        expect((version, trace, flags, state) == ('00', TRACE, '01', ['a=1', 'b=2']), f'{parent} {state}')
        expect(span != SPAN, 'the span is that of the sender')
        traces = set()
        for headers in NO_CONTEXTS:
            (parent,), state = dump(s, [*headers, ('tracestate', 'a=1')])
            expect(re.fullmatch(r'00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-03', parent), f'{parent}')
            expect(TRACE not in parent and state == [], f'{headers}: {parent} {state}')
            traces.add(parent.split('-')[1])
        expect(len(traces) == len(NO_CONTEXTS), f'{traces}')
        (parent,), state = dump(s, [('traceparent', PARENT), ('tracestate', 'no state')])
        expect(TRACE in parent and state == [], f'{parent} {state}')
        spans = c.wait(len(NO_CONTEXTS) + 2)
        expect([s.parent for s in spans] == [SPAN] + [None] * len(NO_CONTEXTS) + [SPAN], f'{spans}')
        expect({s.trace for s in spans} == traces | {TRACE}, f'{spans}')


def passed_through(box):
    """Without one, everything passes as it is."""
    with Server(box) as s:
        expect(dump(s) == ([], []), 'a context out of nothing')
        got = dump(s, [('traceparent', PARENT), ('tracestate', 'a=1')])
        expect(got == ([PARENT], ['a=1']), f'{got}')


def sampling(box):
    """A flag that comes is followed; who brings none is chosen by the share."""
    options = ['--workers', '1', '--trace-one-in', '4000000000', '--admin', '127.0.0.1:0']
    with Collector() as c, Server(box, options=['--otlp', c.url, *options]) as s:
        for _ in range(20):
            (parent,), _ = dump(s)
            expect(parent.endswith('-02'), parent)
        (parent,), _ = dump(s, [('traceparent', PARENT[:-2] + '00')])
        expect(TRACE in parent and parent.endswith('-00'), parent)
        (parent,), _ = dump(s, [('traceparent', PARENT)])
        spans = c.wait(1)
        expect([x.parent for x in spans] == [SPAN], f'{spans}')
        s.await_metric('swell_spans_exported_total', 1)


def chain(box):
    """From a client through a proxy to a server: parents and children over four spans of one trace."""
    with Collector() as c:
        inner = Server(box, options=['--otlp', c.url, '--service', 'inner', '--access-log', 'text'])
        inner_log = inner.log_path
        inner.log_path.rename(box.path / 'inner')
        inner.log_path = box.path / 'inner'
        options = ['--otlp', c.url, '--service', 'outer', '--allow-http', f'http://127.0.0.1:{inner.port}',
                   '--access-log', 'json']
        with inner, Server(box, 'http-proxy.component', options) as outer:
            expect(inner_log != inner.log_path, 'one log')
            target = f'http://127.0.0.1:{inner.port}/dump?q=1'
            headers = {'x-target': target, 'traceparent': PARENT, 'tracestate': 'a=1', 'user-agent': 'me'}
            status, body = outer.get('/way?secret', headers=headers)
            expect(status == 200, f'{status} {body}; log: {outer.log()}')
            seen = fields_of(body.decode())
            spans = {(s.resource['service.name'], s.kind): s for s in c.wait(3)}
            server, client, other = spans['outer', 'server'], spans['outer', 'client'], spans['inner', 'server']
            expect({s.trace for s in spans.values()} == {TRACE}, f'{spans}')
            expect((server.parent, client.parent, other.parent) == (SPAN, server.id, client.id), f'{spans}')
            expect(len({server.id, client.id, other.id}) == 3, f'{spans}')
            expect(seen['traceparent'] == [f'00-{TRACE}-{other.id}-01'] and seen['tracestate'] == ['a=1'], f'{seen}')
            expect(all(s.start <= s.end for s in spans.values()), f'{spans}')
            check_values(server, client, outer.port, inner.port)
            outer.await_log(rf'"trace":"{TRACE}"')
            inner.await_log(rf'"GET /dump\?q=1 HTTP/1.1" 200 .* trace={TRACE}\n')


def check_values(server, client, port, inner_port):
    peer_port = server.values.pop('network.peer.port')
    request = server.values.pop('swell.request')
    expect(peer_port > 0 and re.fullmatch(r'\d+-\d+', request), f'{server}')
    wanted = {'http.request.method': 'GET', 'url.scheme': 'http', 'url.path': '/way', 'url.query': 'secret',
              'http.response.status_code': 200, 'server.address': '127.0.0.1', 'server.port': port,
              'client.address': '127.0.0.1', 'network.peer.address': '127.0.0.1',
              'network.protocol.version': '1.1', 'user_agent.original': 'me'}
    expect(server.values == wanted and server.name == 'GET' and not server.failed, f'{server}')
    wanted = {'http.request.method': 'GET', 'url.full': f'http://127.0.0.1:{inner_port}/dump?q=1',
              'http.response.status_code': 200, 'server.address': '127.0.0.1', 'server.port': inner_port,
              'network.protocol.version': '1.1', 'swell.request': request}
    expect(client.values == wanted and client.name == 'GET' and not client.failed, f'{client}')


def outgoing_without_collector(box):
    """Without a collector the context of the request goes out with the guest's, unchanged."""
    with Peer([OK, OK], [OK]) as peer:
        with Server(box, 'http-proxy.component', ['--allow-http', peer.origin, '--workers', '1']) as s:
            for headers in {'traceparent': PARENT, 'tracestate': 'a=1'}, {}, {'traceparent': 'nonsense'}:
                status, _ = s.get('/', headers={'x-target': f'{peer.origin}/', **headers})
                expect(status == 200, f'{status}; log: {s.log()}')
        sent = [fields_of(head) for _, head, _ in peer.requests]
        expect(sent[0]['traceparent'] == [PARENT] and sent[0]['tracestate'] == ['a=1'], f'{sent[0]}')
        expect(all('traceparent' not in f and 'tracestate' not in f for f in sent[1:]), f'{sent}')


def failures(box):
    """What goes wrong is to be seen in spans: traps, time-outs, errors of the server and of others."""
    rows = [('/trap', 'server', 'trap', 500), ('/spin', 'server', 'timeout', 504),
            ('/status/503', 'server', '503', 503), ('/status/404', 'server', None, 404),
            ('/silent', 'server', '500', 500)]
    with Collector() as c, Server(box, options=['--otlp', c.url, '--timeout', '300ms']) as s:
        for path, _, _, status in rows:
            s.expect(path, status)
        spans = {x.values['url.path']: x for x in c.wait(len(rows))}
        for path, kind, error, status in rows:
            x = spans[path]
            got = x.kind, x.values.get('error.type'), x.values['http.response.status_code'], x.failed
            expect(got == (kind, error, status, error is not None), f'{path}: {x}')


def failed_outgoing(box):
    """A request of a guest that fails has a span, with what became of it."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    with Collector() as c:
        options = ['--otlp', c.url, '--allow-http', f'http://127.0.0.1:{port}']
        with Server(box, 'http-proxy.component', options) as s:
            status, body = s.get('/', headers={'x-target': f'http://127.0.0.1:{port}/'})
            expect((status, body) == (502, b'connection-refused\n'), f'{status} {body}')
            client, = [x for x in c.wait(2) if x.kind == 'client']
            expect(client.values['error.type'] == 'connection-refused' and client.failed, f'{client}')
            expect('http.response.status_code' not in client.values, f'{client}')


def strange_requests(box):
    """Methods nobody knows, long paths and bytes that are no text arrive clipped and clean."""
    with Collector() as c, Server(box, options=['--otlp', c.url]) as s:
        s.expect('/hello', 200, method='BREW')
        s.expect('/' + 'a' * 3000 + '?' + 'b' * 3000, 404, headers={'user-agent': 'x\xff\x80y'})
        odd, long = c.wait(2)
        expect((odd.name, odd.values['http.request.method'], odd.values['http.request.method_original'])
               == ('HTTP', '_OTHER', 'BREW'), f'{odd}')
        expect(long.values['url.path'] == '/' + 'a' * 255 and long.values['url.query'] == 'b' * 128, f'{long}')
        expect(re.fullmatch('x\ufffd+y', long.values['user_agent.original']), f'{long}')


def over_http2(box):
    """Streams are requests like others."""
    if not shutil.which('curl'):
        raise Skip('no curl')
    with Collector() as c, Server(box, options=['--otlp', c.url]) as s:
        url = f'http://{s.host}:{s.port}/dump'
        words = ['curl', '-s', '-m', str(LIMIT), '--http2-prior-knowledge', '-H', f'traceparent: {PARENT}', url]
        answers = [subprocess.run(words, capture_output=True, timeout=LIMIT).stdout.decode() for _ in range(2)]
        spans = c.wait(2)
        seen = re.findall(rf'traceparent: 00-{TRACE}-([0-9a-f]+)-01', ''.join(answers))
        expect(sorted(seen) == sorted(x.id for x in spans), f'{seen}, {spans}')
        expect(all(x.parent == SPAN and x.values['network.protocol.version'] == '2' for x in spans), f'{spans}')


def reused_instance(box):
    """Requests that share an instance have spans of their own, though the guest keeps its handles."""
    with Collector() as c, Server(box, options=['--otlp', c.url, '--workers', '1', '--reuse', '100']) as s:
        parents = [dump(s)[0][0].split('-') for _ in range(5)]
        spans = c.wait(5)
        expect([(x.trace, x.id) for x in spans] == [(p[1], p[2]) for p in parents], f'{spans}')


def from_environment(box):
    """'env' takes what the variables of OpenTelemetry say; without it they are nothing to us."""
    with Collector() as c:
        env = {'OTEL_EXPORTER_OTLP_ENDPOINT': c.url + '/base/', 'OTEL_SERVICE_NAME': 'shop',
               'OTEL_RESOURCE_ATTRIBUTES': 'deployment.environment.name=test%20bed, a=b=c,service.name=no',
               'OTEL_EXPORTER_OTLP_HEADERS': 'api-key=se%63ret,x=y'}
        with Server(box, env=env, options=['--workers', '1']) as s:
            expect(dump(s) == ([], []), 'the environment alone turns it on')
        with Server(box, env=env, options=['--otlp', 'env']) as s:
            s.expect('/hello', 200)
            span, = c.wait(1)
        expect(span.resource == {'service.name': 'shop', 'deployment.environment.name': 'test bed', 'a': 'b=c',
                                 'telemetry.sdk.name': 'swell', 'telemetry.sdk.language': 'c'}, f'{span.resource}')
        path, headers = c.requests[0]
        expect(path == '/base/v1/traces' and headers['api-key'] == 'secret' and headers['x'] == 'y', f'{path} {headers}')
        del env['OTEL_SERVICE_NAME']
        with Server(box, env=env, options=['--otlp', 'env']) as s:
            s.expect('/hello', 200)
        expect(c.wait(2)[1].resource['service.name'] == 'no', f'{c.spans}')


def flushed(box):
    """Spans that are not sent yet when the server is told to stop are sent before it ends."""
    with Collector() as c:
        with Server(box, options=['--otlp', c.url]) as s:
            for _ in range(50):
                s.expect('/hello', 200)
        expect(len(c.spans) == 50 and len({x.id for x in c.spans}) == 50, f'{len(c.spans)} spans')


def busy_collector(box):
    """One that is busy is asked again with the same spans; one that refuses them is not."""
    options = ['--admin', '127.0.0.1:0', '--workers', '1']
    with Collector([503, 429]) as c, Server(box, options=['--otlp', c.url, *options]) as s:
        s.expect('/hello', 200)
        c.wait(1)
        expect(len(c.requests) == 3, f'{c.requests}')
        s.await_metric('swell_spans_exported_total', 1)
        expect(s.metric('swell_spans_lost_total') == 0, 'spans are lost')
        c.answers.append(400)
        s.expect('/hello', 200)
        s.await_log(r'otlp: spans are lost: .* answers 400\n')
        s.await_metric('swell_spans_lost_total', 1)
        s.expect('/hello', 200)
        s.await_log('otlp: spans are exported again\n')


def absent_collector(box):
    """Without anybody who listens requests are served, memory is bounded, and stopping does not hang."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    options = ['--otlp', f'http://127.0.0.1:{port}', '--admin', '127.0.0.1:0', '--workers', '1']
    with Server(box, options=options) as s:
        connection = s.connect()
        ask, got = b'GET /hello HTTP/1.1\r\nhost: x\r\n\r\n' * 100, 0
        for _ in range(40):
            connection.sendall(ask)
            while got < 100:
                got += connection.recv(65536).count(b'hello, world')
            got -= 100
        expect(s.metric('swell_spans_dropped_total') >= 4000 - 2048 - 512, 'nothing is dropped')
        connection.close()
    expect('otlp: spans are lost: nobody answers' in s.log(), s.log())


def silent_collector(box):
    """One that takes connections and never answers holds a stop up for seconds, not for ever."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        with Server(box, options=['--otlp', f'http://127.0.0.1:{listener.getsockname()[1]}']) as s:
            s.expect('/hello', 200)
            started = time.monotonic()
        expect(time.monotonic() - started < LIMIT / 2, 'stopping takes for ever')


def refused(name, words, *fragments, env=None):
    return Case(name, command=['serve', '--listen', '127.0.0.1:0', *words, '{box}/file.wasm'], code=2, out='',
                err=list(fragments), env=env or {}, files={'file.wasm': b'\0asm\r\0\1\0'})


CASES = [
    Case('contexts, with a collector', call=taken_part),
    Case('contexts, without one', call=passed_through),
    Case('sampling', call=sampling),
    Case('a chain of servers', call=chain),
    Case('requests of guests without a collector', call=outgoing_without_collector),
    Case('failures', call=failures),
    Case('a request of a guest that fails', call=failed_outgoing),
    Case('strange requests', call=strange_requests),
    Case('HTTP/2', call=over_http2),
    Case('an instance for many requests', call=reused_instance),
    Case('the environment', call=from_environment),
    Case('the end', call=flushed),
    Case('a collector that is busy', call=busy_collector),
    Case('no collector', call=absent_collector),
    Case('a collector that is silent', call=silent_collector),
    refused('no endpoint in the environment', ['--otlp', 'env'], 'OTEL_EXPORTER_OTLP_ENDPOINT'),
]
