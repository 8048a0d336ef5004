"""`swell serve`: real sockets on loopback, a guest that does by path what a server has to bear."""
import contextlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

from harness import Case, Skip, expect

LIMIT = 60
START = re.compile(r'https?://([^ :]+):(\d+)')


class Server:
    """A running server; its standard error is read up to the first line."""

    def __init__(self, box, guest='http-routes.component', options=(), fds=(), env=None, file=None):
        command = box.with_wall(['serve', *([] if fds else ['--listen', '127.0.0.1:0']), *options,
                                 str(file or box.guest(guest))])
        from harness import swell
        self.log_path = box.path / 'log'
        self.log_file = open(self.log_path, 'wb')
        self.process = subprocess.Popen([swell(), *command], cwd=box.path, env=box.environment(env or {}),
                                        stderr=self.log_file, pass_fds=fds)
        first = self.await_log(r'\n').split('\n')[0]
        found = START.search(first)
        if not found:
            self.process.wait(LIMIT)
        expect(found, f'the first line says no address: {self.log()!r}')
        self.first = first
        self.host, self.port = found.group(1), int(found.group(2))

    def log(self):
        return self.log_path.read_text(errors='replace')

    def await_log(self, pattern):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end and self.process.poll() is None:
            if re.search(pattern, self.log()):
                break
            time.sleep(0.01)
        expect(re.search(pattern, self.log()), f'log lacks {pattern!r}: {self.log()}')
        return self.log()

    def connect(self):
        return socket.create_connection((self.host, self.port), LIMIT)

    def get(self, path, method='GET', body=None, headers=None, port=None):
        connection = http.client.HTTPConnection(self.host, port or self.port, timeout=LIMIT)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def expect(self, path, status, answer=None, **more):
        got = self.get(path, **more)
        expect(got[0] == status and (answer is None or got[1] == answer), f'{path}: {got}; log: {self.log()}')

    def admin_port(self):
        return int(re.search(r'admin http://127\.0\.0\.1:(\d+)', self.await_log('admin http')).group(1))

    def metric(self, name):
        status, page = self.get('/metrics', port=self.admin_port())
        expect(status == 200, f'/metrics gives {status}')
        return float(re.search(rf'^{re.escape(name)} (\S+)$', page.decode(), re.M).group(1))

    def await_metric(self, name, value):
        end = time.monotonic() + LIMIT
        while self.metric(name) != value and time.monotonic() < end:
            time.sleep(0.02)
        expect(self.metric(name) == value, f'{name} is {self.metric(name)}, not {value}; log: {self.log()}')

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        code = self.process.wait(LIMIT)
        self.log_file.close()
        expect(code == 0, f'exit code {code} after a signal; log: {self.log()}')
        expect('Sanitizer' not in self.log(), f'a sanitizer reports: {self.log()}')

    @contextlib.contextmanager
    def terminated(self):
        """Sends SIGTERM; gives a function that says, after a while, whether the server has ended."""
        self.process.send_signal(signal.SIGTERM)

        def stopped():
            time.sleep(0.2)
            return self.process.poll() is not None
        yield stopped

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            if kind is None:
                self.stop()
            else:
                self.process.kill()
                self.process.wait(LIMIT)


def hello(box):
    with Server(box, 'http-hello.component') as s:
        for _ in range(3):
            s.expect('/', 200, b'hello, world\n')


def http2(box):
    """Prior knowledge: the preface decides."""
    if not shutil.which('curl'):
        raise Skip('no curl')
    with Server(box) as s:
        url = f'http://{s.host}:{s.port}'
        for version, words in (('2', ['--http2-prior-knowledge']), ('1.1', ['--http1.1'])):
            result = subprocess.run(['curl', '-s', '-m', str(LIMIT), *words, '-w', ' %{http_version}', '-d', 'abc',
                                     f'{url}/echo'], capture_output=True, timeout=LIMIT)
            expect(result.stdout == b'abc ' + version.encode(), f'{words}: {result.stdout}; log: {s.log()}')


def routes(box):
    """One row a path: status and body, on one server."""
    with Server(box, options=['--timeout', '2s', '--admin', '127.0.0.1:0']) as s:
        s.expect('/echo', 200, b'abc', method='POST', body=b'abc')
        s.expect('/echo', 200, bytes(300000), method='POST', body=bytes(300000))
        s.expect('/big/1000000', 200)
        s.expect('/status/404', 404, b'')
        s.expect('/silent', 500)
        s.expect('/trap', 500)
        s.expect('/spin', 504)
        s.await_metric('swell_guest_deadlines_total', 1)
        s.expect('/hello', 200, b'hello, world\n')
        log = s.log()
        for fragment in ('returned without an answer', 'trap: unreachable', 'trap: deadline'):
            expect(fragment in log, f'the log lacks {fragment!r}: {log}')


def guest_lines(box):
    with Server(box) as s:
        s.expect('/log', 200)
        s.await_log(r'routes\S*\[\d+-\d+\] stdout: first line on stdout\n')
        s.await_log(r'routes\S*\[\d+-\d+\] stderr: a line on stderr\n')
        s.await_log(r'stdout: no newline at the end\n')


def canaries(box):
    """What a guest plants in memory, no later one finds, though both get the same slot."""
    with Server(box, options=['--workers', '1']) as s:
        for _ in range(20):
            s.expect('/canary', 200, b'clean\n')


def canaries_after(box):
    """The same however the one that planted it has ended; and the new instance is like the first."""
    with Server(box, options=['--workers', '1', '--timeout', '500ms', '--admin', '127.0.0.1:0']) as s:
        first = s.get('/canary/ask')
        expect(first[0] == 200 and first[1].startswith(b'clean, '), f'{first}')
        for ending, status in (('', 200), ('/trap', 500), ('/spin', 504), ('/silent', 500)):
            for _ in range(3):
                s.expect('/canary' + ending, status)
                s.expect('/canary/ask', *first)
        for path in (b'/canary/cut', b'/canary/wait', b'/canary/spin'):
            c = s.connect()
            c.sendall(b'GET ' + path + b' HTTP/1.1\r\nhost: x\r\n\r\n')
            if path.endswith(b'cut'):
                c.recv(100)
            else:
                s.await_metric('swell_requests_running', 1)
            c.close()
            s.await_metric('swell_requests_running', 0)
            s.expect('/canary/ask', *first)


def reused(box):
    with Server(box, options=['--workers', '1', '--reuse', '3']) as s:
        answers = [s.get('/canary')[1] for _ in range(6)]
        expect(answers[0] == answers[3] == b'clean\n' and b'clean\n' not in (answers[1], answers[2], answers[4]),
               f'{answers}')


def spinning_neighbours(box):
    """Guests that never end cost their own requests only."""
    with Server(box, options=['--timeout', '50s', '--workers', '1', '--admin', '127.0.0.1:0']) as s:
        spinners = [s.connect() for _ in range(16)]
        for c in spinners:
            c.sendall(b'GET /spin HTTP/1.1\r\nhost: x\r\n\r\n')
        s.await_metric('swell_requests_running', 16)
        for _ in range(10):
            s.expect('/hello', 200, b'hello, world\n')
        s.await_metric('swell_requests_running', 16)
        for c in spinners:
            c.close()
        s.await_metric('swell_guest_cancelled_total', 16)


def computing_neighbours(box):
    """Who computes for long gets his turn beside one that never ends and one that is done soon."""
    with Server(box, options=['--timeout', '50s', '--workers', '1', '--admin', '127.0.0.1:0']) as s:
        spinner = s.connect()
        spinner.sendall(b'GET /spin HTTP/1.1\r\nhost: x\r\n\r\n')
        s.await_metric('swell_requests_running', 1)
        computing = s.connect()
        computing.sendall(b'GET /compute/100 HTTP/1.1\r\nhost: x\r\n\r\n')
        s.await_metric('swell_requests_running', 2)
        s.expect('/compute/20', 200, b'computed\n')
        expect(b'computed' in computing.recv(65536), 'no answer')
        s.expect('/hello', 200, b'hello, world\n')
        s.await_metric('swell_requests_running', 1)
        spinner.close()
        computing.close()


def queue(box):
    options = ['--workers', '1', '--max-requests', '2', '--max-queue', '1', '--queue-timeout', '200ms',
               '--admin', '127.0.0.1:0']
    with Server(box, options=options) as s:
        busy = [s.connect() for _ in range(2)]
        for c in busy:
            c.sendall(b'GET /wait/3000 HTTP/1.1\r\nhost: x\r\n\r\n')
        s.await_metric('swell_requests_running', 2)
        waiting = s.connect()
        waiting.sendall(b'GET /hello HTTP/1.1\r\nhost: x\r\n\r\n')
        s.await_metric('swell_requests_queued_total', 1)
        s.expect('/hello', 503)
        expect(waiting.recv(100).startswith(b'HTTP/1.1 503'), 'who waits too long gets no 503')
        counted = s.metric('swell_requests_refused_queue_full_total'), s.metric(
            'swell_requests_refused_queue_timeout_total')
        expect(sum(counted) == 2, f'refusals are counted as {counted}')
        for c in busy:
            expect(c.recv(100).startswith(b'HTTP/1.1 200'), 'who was running is not answered')
            c.close()
        s.expect('/hello', 200)


def gone_peer(box):
    with Server(box, options=['--admin', '127.0.0.1:0']) as s:
        for path in (b'/spin', b'/wait/20000'):
            c = s.connect()
            c.sendall(b'GET ' + path + b' HTTP/1.1\r\nhost: x\r\n\r\n')
            s.await_metric('swell_requests_running', 1)
            c.close()
            s.await_metric('swell_requests_running', 0)
        expect(s.metric('swell_guest_cancelled_total') == 2, 'cancelled guests are not counted')


def drained(box):
    """A request that runs when the server is told to stop is answered; then nobody is let in."""
    s = Server(box)
    c = s.connect()
    c.sendall(b'GET /wait/700 HTTP/1.1\r\nhost: x\r\n\r\n')
    time.sleep(0.2)
    s.process.send_signal(signal.SIGTERM)
    expect(c.recv(1000).startswith(b'HTTP/1.1 200'), f'the running request is dropped: {s.log()}')
    expect(s.process.wait(LIMIT) == 0, 'exit code')


def second_signal(box):
    s = Server(box)
    c = s.connect()
    c.sendall(b'GET /spin HTTP/1.1\r\nhost: x\r\n\r\n')
    time.sleep(0.2)
    s.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    expect(s.process.poll() is None, 'it does not wait for what runs')
    s.stop()


def reloaded(box):
    """SIGHUP takes the new file over under load without an answer missing; a bad file changes nothing."""
    file = box.path / 'app.wasm'
    shutil.copy(box.guest('http-hello.component'), file)
    with Server(box, file=file) as s:
        s.expect('/status/404', 200)
        load = http.client.HTTPConnection(s.host, s.port, timeout=LIMIT)
        for k in range(300):
            if k == 100:
                shutil.copy(box.guest('http-routes.component'), box.path / 'new.wasm')
                os.rename(box.path / 'new.wasm', file)
                s.process.send_signal(signal.SIGHUP)
            if k == 200:
                s.await_log('reloaded')
            load.request('GET', '/hello')
            answer = load.getresponse()
            expect((answer.status, answer.read()) == (200, b'hello, world\n'), f'request {k} is dropped')
        s.expect('/status/404', 404)
        file.write_bytes(b'\0asm nonsense')
        s.process.send_signal(signal.SIGHUP)
        s.await_log('still served')
        s.expect('/status/404', 404)


def passed_socket(box):
    with socket.create_server(('127.0.0.1', 0)) as listening:
        os.set_inheritable(listening.fileno(), True)
        with Server(box, options=['--listen-fd', str(listening.fileno())], fds=[listening.fileno()]) as s:
            expect(s.port == listening.getsockname()[1], 'another port')
            for _ in range(20):
                s.expect('/hello', 200, b'hello, world\n')


def admin(box):
    with Server(box, options=['--admin', '127.0.0.1:0']) as s:
        port = s.admin_port()
        s.expect('/hello', 200)
        s.expect('/status/404', 404)
        s.await_metric('swell_responses_total{class="2xx"}', 1)
        s.await_metric('swell_responses_total{class="4xx"}', 1)
        s.expect('/healthz', 200, b'ok\n', port=port)
        s.expect('/readyz', 200, b'ready\n', port=port)
        s.expect('/else', 404, port=port)
        s.expect('/healthz', 405, port=port, method='DELETE')
        s.expect('/metrics', 404)


def access_text(box):
    with Server(box, options=['--access-log', 'text']) as s:
        s.expect('/status/201', 201)
        s.await_log(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] '
                    r'"GET /status/201 HTTP/1\.1" 201 0 0\.\d{6}\n')


def access_json(box):
    with Server(box, options=['--json']) as s:
        ready = json.loads(s.first)
        expect(ready['event'] == 'ready' and ready['urls'] == [f'http://127.0.0.1:{s.port}'], f'{ready}')
        s.expect('/hello?%22', 200)
        s.await_log(r'(?m)^\{"time".*"event":"access".*\}$')
        row = json.loads(s.log().split('\n')[1])
        expect((row['method'], row['path'], row['status'], row['bytes_out']) == ('GET', '/hello?%22', 200, 13), f'{row}')


def taken_port(box):
    with Server(box) as s:
        result = box.run(['serve', '--listen', f'127.0.0.1:{s.port}', str(box.guest('http-hello.component'))])
        expect(result.returncode == 1 and 'cannot listen' in result.talk, 'a port is shared', result)


def named_address(box):
    result = box.run(['serve', '--listen', 'example.com:80', str(box.guest('http-hello.component'))])
    expect(result.returncode == 2 and 'example.com' in result.talk, 'a name is taken', result)


def full_of_connections(box):
    """Idle connections make room for new ones."""
    with Server(box, options=['--workers', '1', '--max-connections', '20']) as s:
        idle = [s.connect() for _ in range(60)]
        for _ in range(5):
            s.expect('/hello', 200)
        closed = len(select.select(idle, [], [], 1)[0])
        expect(closed >= 40, f'{closed} of 60 were closed')
        for c in idle:
            c.close()


def refused(name, words, *fragments, code=2, **more):
    return Case(name, command=['serve', *words], code=code, out='', err=list(fragments), **more)


CASES = [
    Case('hello', call=hello),
    Case('HTTP/2', call=http2),
    Case('paths', call=routes),
    Case('lines that a guest writes', call=guest_lines),
    Case('canaries', call=canaries),
    Case('canaries after every end', call=canaries_after),
    Case('an instance for three requests', call=reused),
    Case('spinning neighbours', call=spinning_neighbours),
    Case('computing neighbours', call=computing_neighbours),
    Case('a full queue', call=queue),
    Case('a peer that goes', call=gone_peer),
    Case('drained', call=drained),
    Case('a second signal', call=second_signal),
    Case('reloaded', call=reloaded),
    Case('a socket that was passed', call=passed_socket),
    Case('the admin address', call=admin),
    Case('accesses as text', call=access_text),
    Case('accesses as JSON', call=access_json),
    Case('a port that is taken', call=taken_port),
    Case('more connections than there may be', call=full_of_connections),
    Case('help of serve', command=['serve', '--help'], out=re.compile('127.0.0.1:8080')),
    Case('a name for an address', call=named_address),
    refused('a number of nothing', ['--max-requests', '0', 'file.wasm'], '--max-requests'),
    refused('a number too large', ['--max-queue', '4294967296', 'file.wasm'], '--max-queue'),
    refused('a format that is none', ['--access-log', 'xml', 'file.wasm'], 'xml'),
    refused('nothing from a service manager', ['--listen-fd', 'systemd', 'file.wasm'], 'LISTEN_FDS'),
    refused('no file', ['absent.wasm'], 'absent.wasm', code=1),
    refused('not an HTTP handler', ['{box}/file.wasm'], 'incoming-handler', code=1,
            files={'file.wasm': b'\0asm\r\0\1\0'}),
    refused('a core module', ['{box}/file.wasm'], 'only components', code=1, files={'file.wasm': b'\0asm\1\0\0\0'}),
]
