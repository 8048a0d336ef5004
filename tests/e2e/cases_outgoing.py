"""Guests of `swell serve` that send requests: what their server keeps, bounds, counts and refuses for them."""
import contextlib
import http.server
import signal
import socket
import socketserver
import threading

from cases_datagrams import asked, with_names
from cases_h2 import make_certs
from cases_serve import LIMIT, Server
from cases_sockets import Echo
from harness import Case, expect

PROXY = 'http-proxy.component'
VERSIONS = 'http-versions.component'
SOCKETS = 'http-network.component'


class Upstream:
    """An HTTP/1.1 server with a thread a connection. /wait answers when the gate is open; others at once."""

    def __init__(self):
        upstream = self
        self.gate, self.lock = threading.Event(), threading.Lock()
        self.connections, self.arrived = 0, threading.Semaphore(0)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def setup(self):
                with upstream.lock:
                    upstream.connections += 1
                super().setup()

            def do_GET(self):
                upstream.arrived.release()
                if self.path == '/wait':
                    upstream.gate.wait(LIMIT)
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.send_header('Content-Length', '3')
                    self.end_headers()
                    self.wfile.write(b'up\n')

            def log_message(self, *_):
                pass

        class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Listener(('127.0.0.1', 0), Handler)
        self.origin = f'http://127.0.0.1:{self.server.server_address[1]}'

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def proxy(box, *options, **more):
    return Server(box, PROXY, ['--workers', '1', '--admin', '127.0.0.1:0', *options], **more)


def ask(s, target):
    return s.get('/', headers={'x-target': target})


def expect_answer(s, target, status, body):
    got = ask(s, target)
    expect(got == (status, body), f'{target}: {got}; log: {s.log()}')


class Asking(threading.Thread):
    """A request whose answer is waited for elsewhere."""

    def __init__(self, s, target):
        super().__init__(daemon=True)
        self.s, self.target, self.answer = s, target, None
        self.start()

    def run(self):
        self.answer = ask(self.s, self.target)

    def get(self):
        self.join(LIMIT)
        return self.answer


def kept(box):
    """One connection serves the requests of all instances, however many seats they have."""
    with Upstream() as up, proxy(box, '--allow-http', up.origin) as s:
        for _ in range(20):
            expect_answer(s, up.origin + '/', 200, b'up\n')
        expect(up.connections == 1, f'{up.connections} connections')
        s.await_metric('swell_outgoing_requests_total', 20)
        s.await_metric('swell_outgoing_opened_total', 1)
        s.await_metric('swell_outgoing_reused_total', 19)
        s.await_metric('swell_outgoing_connections', 1)
        s.process.send_signal(signal.SIGHUP)
        s.await_metric('swell_reloads_total', 1)
        s.await_metric('swell_outgoing_connections', 0)
        expect_answer(s, up.origin + '/', 200, b'up\n')
        expect(up.connections == 2, f'{up.connections} connections after a reload')


def idle(box):
    with Upstream() as up, proxy(box, '--allow-http', up.origin, '--outgoing-idle-timeout', '50ms') as s:
        expect_answer(s, up.origin + '/', 200, b'up\n')
        s.await_metric('swell_outgoing_connections', 0)


def bounded(box):
    """One connection, one that waits for it; the third request fails at once."""
    with Upstream() as up, proxy(box, '--allow-http', up.origin, '--max-outgoing', '1',
                                 '--max-outgoing-queue', '1') as s:
        first = Asking(s, up.origin + '/wait')
        expect(up.arrived.acquire(timeout=LIMIT), 'the first request did not come')
        second = Asking(s, up.origin + '/')
        s.await_metric('swell_outgoing_requests_total', 2)
        expect_answer(s, up.origin + '/', 502, b'connection-limit-reached\n')
        s.await_metric('swell_outgoing_refused_total', 1)
        up.gate.set()
        expect(first.get() == second.get() == (200, b'up\n'), f'{first.answer}, {second.answer}; log: {s.log()}')
        expect(up.connections == 1, f'{up.connections} connections')


def slow_response(box):
    with Upstream() as up, proxy(box, '--allow-http', up.origin, '--outgoing-response-timeout', '100ms') as s:
        expect_answer(s, up.origin + '/wait', 502, b'connection-read-timeout\n')
        s.await_metric('swell_outgoing_failures_total', 1)
        up.gate.set()
        expect_answer(s, up.origin + '/', 200, b'up\n')


def slow_connection(box):
    """A listener whose queue is full: nobody answers."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        origin = f'http://127.0.0.1:{listener.getsockname()[1]}'
        with proxy(box, '--allow-http', origin, '--outgoing-connect-timeout', '100ms') as s:
            expect_answer(s, origin + '/', 502, b'connection-timeout\n')
            s.await_metric('swell_outgoing_failures_total', 1)


def denied(box):
    with Upstream() as up, proxy(box, '--allow-http', 'https://api.example.com/v1/*') as s:
        expect_answer(s, up.origin + '/', 502, b'HTTP-request-denied\n')
        s.await_log(f"denied: request to '{up.origin}/'")
        s.await_log(f"--allow-http '{up.origin}'")
        s.await_metric('swell_guest_denials_total', 1)
        expect(up.connections == 0, 'it was connected to')


def quietly(box):
    with Upstream() as up, proxy(box, '--quiet-denials') as s:
        expect_answer(s, up.origin + '/', 502, b'HTTP-request-denied\n')
        s.await_metric('swell_guest_denials_total', 1)
        expect('denied' not in s.log(), f'log: {s.log()}')


def named(box):
    """A name is looked up once for all requests, and judged by its address at each."""
    with Upstream() as up:
        port = up.origin.rsplit(':', 1)[1]
        env = with_names(box, 'loop.test=127.0.0.1 inside.test=10.0.0.1')
        with proxy(box, '--allow-http', f'http://*.test:{port}', '--allow-http', up.origin,
                   '--outgoing-idle-timeout', '1ms', '--no-sandbox', env=env) as s:  # the names' log is a file
            for _ in range(5):
                expect_answer(s, f'http://loop.test:{port}/', 200, b'up\n')
                s.await_metric('swell_outgoing_connections', 0)
            for _ in range(2):
                expect_answer(s, f'http://inside.test:{port}/', 502, b'destination-IP-prohibited\n')
        expect(asked(box) == ['loop.test', 'inside.test'], f'asked for {asked(box)}')


def secure(box):
    """Another server must prove its name, by an authority that is trusted."""
    make_certs(box)
    tls = [str(word) for word in ['--tls-cert', box.path / 'local.pem', '--tls-key', box.path / 'local.key']]
    rows = [('ca.pem', 'localhost', 200, b'hello, world\n'), ('ca.pem', '127.0.0.1', 200, b'hello, world\n'),
            ('ca.pem', 'else.localhost', 502, b'TLS-certificate-error\n'),
            ('stranger.pem', 'localhost', 502, b'TLS-certificate-error\n'),
            ('', 'localhost', 502, b'TLS-certificate-error\n')]
    with Server(box, options=tls) as up:
        for ca, host, status, body in rows:
            env = {'SSL_CERT_FILE': str(box.path / ca), 'SSL_CERT_DIR': '/none'} if ca else {}
            with contextlib.ExitStack() as stack:
                s = stack.enter_context(proxy(box, '--allow-http', f'https://{host}:{up.port}', env=env))
                expect_answer(s, f'https://{host}:{up.port}/hello', status, body)


def secure_h2(box):
    """A server that speaks HTTP/2 gets one connection for requests that run at the same time."""
    make_certs(box)
    tls = [str(word) for word in ['--tls-cert', box.path / 'local.pem', '--tls-key', box.path / 'local.key']]
    env = {'SSL_CERT_FILE': str(box.path / 'ca.pem'), 'SSL_CERT_DIR': '/none'}
    with Server(box, options=[*tls, '--access-log', 'text']) as up:
        up_log, origin = up.log_path, f'https://localhost:{up.port}'
        up.log_path = up_log.rename(box.path / 'up')
        with proxy(box, '--allow-http', origin, env=env) as s:
            expect_answer(s, origin + '/hello', 200, b'hello, world\n')
            together = [Asking(s, f'{origin}/big/{100000 + i}') for i in range(30)]
            for i, one in enumerate(together):
                expect(one.get() and one.answer[0] == 200 and len(one.answer[1]) == 100000 + i,
                       f'{i}: {one.answer and one.answer[0]}; log: {s.log()}')
            # No more than pipes hold: the guest sends all before it reads, the other answers as it reads.
            got = s.get('/', 'POST', bytes(100000), {'x-target': origin + '/echo'})
            expect(got == (200, bytes(100000)), f'echo: {got[0]}, {len(got[1])} bytes; log: {s.log()}')
            expect_answer(s, origin + '/status/404', 404, b'')
            s.await_metric('swell_outgoing_requests_total', 33)
            s.await_metric('swell_outgoing_opened_total', 1)
            s.await_metric('swell_outgoing_connections', 1)
        expect('HTTP/2' in up.log() and 'HTTP/1.1' not in up.log(), f'its log: {up.log()}')


def h2_goes(box):
    """The server goes while connections are kept; the next requests reach the one after it."""
    make_certs(box)
    tls = [str(word) for word in ['--tls-cert', box.path / 'local.pem', '--tls-key', box.path / 'local.key']]
    env = {'SSL_CERT_FILE': str(box.path / 'ca.pem'), 'SSL_CERT_DIR': '/none'}
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
        origin = f'https://localhost:{port}'
        with proxy(box, '--allow-http', origin, env=env) as s:
            (box.path / 'log').rename(box.path / 'proxy')
            s.log_path = box.path / 'proxy'
            for _ in range(3):
                fd = listener.fileno()
                with Server(box, options=[*tls, '--listen-fd', str(fd)], fds=(fd,)) as up:
                    expect(up.port == port, 'another port')
                    expect_answer(s, origin + '/hello', 200, b'hello, world\n')
                s.await_metric('swell_outgoing_connections', 0)


def versions(box):
    """One component with three versions of wasi:http, served, and as a command that asks the served one."""
    with Server(box, VERSIONS) as s:
        s.expect('/a/b', 202, b'/a/b')
        url = f'http://127.0.0.1:{s.port}'
        result = box.run(['run', '--allow-http', url, box.guest(VERSIONS), url + '/from-run'])
        expect((result.returncode, result.text) == (0, '202\n/from-run'), 'another answer', result)


def sockets(box):
    """Sockets wait on the server's loop: requests that hold some run side by side."""
    with Echo() as peer, Server(box, SOCKETS, ['--workers', '1', '--allow-tcp', f'127.0.0.1:{peer.port}']) as s:
        for text in (b'hello', b'x' * 2000):
            s.expect(f'/tcp/{peer.port}/{text.decode()}', 200, text)
        s.expect('/tcp/1/x', 502, b'access-denied\n')
        s.await_log(r"denied: connect to 127\.0\.0\.1:1, a loopback address")
        s.await_log(r"--allow-tcp '127\.0\.0\.1:1'")


def descriptors(box):
    """What a guest opens and leaves is closed with its request; it cannot take what others need."""
    options = ['--workers', '1', '--max-descriptors', '20', '--admin', '127.0.0.1:0', '--allow-tcp', '127.0.0.1:1']
    with Server(box, SOCKETS, options) as s:
        for _ in range(3):
            s.expect('/hold/10', 200, b'10 sockets\n')
            s.await_metric('swell_guest_descriptors', 0)
        s.await_metric('swell_guest_descriptors_refused_total', 0)
        for i in range(1, 3):
            s.expect('/hold/100', 200, b'20 sockets\n')
            s.await_metric('swell_guest_descriptors', 0)
            s.await_metric('swell_guest_descriptors_refused_total', i)


def names_of_sockets(box):
    """Instances of one component ask for a name once, whoever is first."""
    env = with_names(box, 'loop.test=127.0.0.1')
    # The case's resolver notes what it was asked for in a file that a confined process could not open.
    with Server(box, SOCKETS, ['--workers', '1', '--allow-dns', '*.test', '--no-sandbox'], env=env) as s:
        for _ in range(3):
            s.expect('/lookup/loop.test', 200, b'ok\n')
            s.expect('/lookup/none.test', 502, b'name-unresolvable\n')
        s.expect('/lookup/else.where', 502, b'access-denied\n')
        s.await_log("--allow-dns 'else.where'")
    expect(asked(box) == ['loop.test', 'none.test'], f'asked for {asked(box)}')


def javascript(box):
    """What fetch does in JavaScript."""
    with Upstream() as up:
        with Server(box, 'http-js-fetch.component', ['--allow-http', up.origin, '--timeout', '50s']) as s:
            got = s.get('/fetch', headers={'x-target': up.origin + '/'})
            expect(got == (200, b'200 up\n'), f'{got}; log: {s.log()}')


def wrong(option, value):
    return Case(f'{option} {value}', command=['serve', option, value, 'x.wasm'], code=2, out='', err=[option])


CASES = [
    Case('connections are kept', call=kept),
    Case('and closed when they are idle', call=idle),
    Case('connections are bounded', call=bounded),
    Case('a slow response', call=slow_response),
    Case('a slow connection', call=slow_connection),
    Case('what is not granted', call=denied),
    Case('what is not granted, quietly', call=quietly),
    Case('names', call=named),
    Case('https', call=secure),
    Case('HTTP/2', call=secure_h2),
    Case('HTTP/2, and the server goes', call=h2_goes),
    Case('several versions of wasi:http', call=versions),
    Case('sockets', call=sockets),
    Case('names of sockets', call=names_of_sockets),
    Case('descriptors are bounded', call=descriptors),
    Case('fetch in JavaScript', call=javascript),
    wrong('--max-descriptors', '0'),
    wrong('--max-outgoing', '0'),
    wrong('--max-outgoing-queue', 'many'),
    wrong('--outgoing-connect-timeout', 'soon'),
    wrong('--outgoing-idle-timeout', 'x'),
]
