"""Operating `swell serve`: stopping and reloading under load, logs, metrics, traces, and what goes wrong at start."""
import http.client
import os
import re
import shutil
import signal
import threading
import time

from cases_serve import LIMIT, Server
from harness import Case, expect


def answer_of(connection):
    """(status, body) of the next answer on a raw connection, whose length is declared."""
    data = b''
    while b'\r\n\r\n' not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, body = data.split(b'\r\n\r\n', 1)
    length = int(re.search(rb'content-length: (\d+)', head, re.I).group(1))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split(b' ', 2)[1]), body


def is_closed(connection):
    try:
        return connection.recv(1) == b''
    except ConnectionResetError:
        return True


def ended(server):
    code = server.process.wait(LIMIT)
    expect(code == 0, f'exit code {code}; log: {server.log()}')


# ---- What guests leave behind --------------------------------------------------------------------


def kept_handles(box):
    """An instance that is used again keeps the handles that the guest forgot; each request ends nevertheless."""
    options = ['--workers', '1', '--reuse', '100', '--access-log', 'text', '--admin', '127.0.0.1:0']
    with Server(box, options=options) as s:
        connection = http.client.HTTPConnection(s.host, s.port, timeout=LIMIT)
        for k in range(1, 6):
            connection.request('POST', f'/ignore?{k}', b'x' * 1000)
            answer = connection.getresponse()
            expect((answer.status, answer.read()) == (200, b'ignored\n'), f'request {k}')
            s.await_log(rf'"POST /ignore\?{k} HTTP/1.1" 200 ')
        expect(s.metric('swell_instances_total') == 1, 'there was more than one instance')
        expect(s.metric('swell_responses_total{class="2xx"}') == 5, 'answers are not counted in time')


def works_on(box):
    """A guest may go on after its answer has been sent, to the last byte and beyond."""
    with Server(box) as s:
        for _ in range(2):
            s.expect('/early', 200, b'early\n')
        s.await_log(r'(stdout: worked on after the answer\n(.|\n)*){2}')
        expect('error' not in s.log(), s.log())


# ---- Stopping ------------------------------------------------------------------------------------


def stop_idle(box):
    """Connections that nobody asks anything on do not keep a server from stopping."""
    s = Server(box, options=['--drain-timeout', '1h'])
    idle = [s.connect() for _ in range(20)]
    for c in idle[:10]:
        c.sendall(b'GET /hello HTTP/1.1\r\nhost: x\r\n\r\n')
        expect(answer_of(c) == (200, b'hello, world\n'), 'no answer')
    s.process.send_signal(signal.SIGTERM)
    ended(s)
    expect(all(is_closed(c) for c in idle), 'a connection is open')


def stop_half_read(box):
    """Who has begun to send a head or a body may finish it, and is answered."""
    s = Server(box, options=['--drain-timeout', '1h'])
    head, body = s.connect(), s.connect()
    head.sendall(b'GET /hello HTTP/1.1\r\nho')
    body.sendall(b'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nabc')
    with s.terminated() as stopped:
        expect(not stopped(), 'it ends in the middle of a request')
        head.sendall(b'st: x\r\n\r\n')
        expect(answer_of(head) == (200, b'hello, world\n'), 'the head is lost')
        expect(is_closed(head), 'the connection is kept')
        expect(not stopped(), 'it ends in the middle of a body')
        body.sendall(b'def')
        got = b''
        while b'def' not in got:
            got += body.recv(1000)
        expect(got.startswith(b'HTTP/1.1 200') and b'abc' in got, f'{got}')
    ended(s)


def stop_silent_head(box):
    """Half a head does not keep a server longer than heads may take."""
    s = Server(box, options=['--head-timeout', '300ms', '--drain-timeout', '1h'])
    c = s.connect()
    c.sendall(b'GET /hello HTTP/1.1\r\nho')
    time.sleep(0.1)
    s.process.send_signal(signal.SIGTERM)
    expect(answer_of(c)[0] == 408, 'no 408')
    ended(s)


def stop_queue(box):
    """Who waits for a place when the server is told to stop still gets it."""
    options = ['--workers', '1', '--max-requests', '1', '--queue-timeout', '50s', '--admin', '127.0.0.1:0']
    s = Server(box, options=options)
    connections = [s.connect() for _ in range(4)]
    for c in connections:
        c.sendall(b'GET /wait/200 HTTP/1.1\r\nhost: x\r\n\r\n')
    s.await_metric('swell_requests_waiting', 3)
    s.process.send_signal(signal.SIGTERM)
    for c in connections:
        expect(answer_of(c) == (200, b'waited\n'), 'one is dropped')
    ended(s)


def stop_late(box):
    """What is not done by the time for draining is cut: the running, the waiting and the silent."""
    options = ['--workers', '1', '--max-requests', '1', '--drain-timeout', '300ms', '--queue-timeout', '50s',
               '--timeout', '50s', '--admin', '127.0.0.1:0']
    s = Server(box, options=options)
    busy, waiting, half = [s.connect() for _ in range(3)]
    busy.sendall(b'GET /spin HTTP/1.1\r\nhost: x\r\n\r\n')
    s.await_metric('swell_requests_running', 1)
    waiting.sendall(b'GET /hello HTTP/1.1\r\nhost: x\r\n\r\n')
    s.await_metric('swell_requests_waiting', 1)
    half.sendall(b'GET /')
    s.process.send_signal(signal.SIGTERM)
    ended(s)
    expect(all(is_closed(c) for c in (busy, waiting, half)), 'a connection is open')


def stop_twice(box):
    """The second signal ends what runs at once, whether it computes, waits or writes to one who does not read."""
    s = Server(box, options=['--drain-timeout', '1h', '--timeout', '1h', '--admin', '127.0.0.1:0'])
    paths = b'/spin', b'/wait/1000000', b'/big/100000000', b'/drip/100000/100'
    connections = [s.connect() for _ in paths]
    for c, path in zip(connections, paths):
        c.sendall(b'GET ' + path + b' HTTP/1.1\r\nhost: x\r\n\r\n')
    s.await_metric('swell_requests_running', len(paths))
    with s.terminated() as stopped:
        expect(not stopped(), 'the first signal ends what runs')
        s.process.send_signal(signal.SIGTERM)
    ended(s)


def not_ready(box):
    """While a server drains its admin address says that it is not ready, and alive."""
    s = Server(box, options=['--admin', '127.0.0.1:0'])
    port = s.admin_port()
    c = s.connect()
    c.sendall(b'GET /wait/1000 HTTP/1.1\r\nhost: x\r\n\r\n')
    s.await_metric('swell_requests_running', 1)
    s.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + LIMIT
    while s.get('/readyz', port=port)[0] == 200 and time.monotonic() < end:
        time.sleep(0.01)
    s.expect('/readyz', 503, b'stopping\n', port=port)
    s.expect('/healthz', 200, b'ok\n', port=port)
    expect(answer_of(c) == (200, b'waited\n'), 'the running request is dropped')
    ended(s)


# ---- Reloading -----------------------------------------------------------------------------------


class Load:
    """Clients that ask for /hello all the time, half of them on a new connection for each request."""

    def __init__(self, server, clients=8):
        self.server, self.is_over, self.count, self.wrong = server, False, 0, []
        self.threads = [threading.Thread(target=self.ask, args=(k % 2 == 0,)) for k in range(clients)]

    def ask(self, keeps):
        connection = None
        while not self.is_over:
            try:
                connection = connection or http.client.HTTPConnection(self.server.host, self.server.port, timeout=LIMIT)
                connection.request('GET', '/hello')
                answer = connection.getresponse()
                got = answer.status, answer.read()
                self.count += 1
                if got != (200, b'hello, world\n'):
                    self.wrong.append(got)
                if not keeps:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                return
        if connection:
            connection.close()

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for t in self.threads:
            t.join()


def reload_under_load(box):
    """No request is dropped or wrong while programs come and go; a broken file changes nothing."""
    file, new = box.path / 'app.wasm', box.path / 'new.wasm'
    programs = [box.guest('http-hello.component'), box.guest('http-routes.component')]
    shutil.copy(programs[0], file)
    with Server(box, file=file, options=['--admin', '127.0.0.1:0']) as s, Load(s) as load:
        for k in range(1, 13):
            is_broken = k % 3 == 0
            new.write_bytes(b'\0asm nonsense' if is_broken else programs[k % 2].read_bytes())
            os.rename(new, file)
            before = load.count
            s.process.send_signal(signal.SIGHUP)
            s.await_log(rf'((still served|reloaded)(.|\n)*){{{k}}}')
            end = time.monotonic() + LIMIT
            while load.count < before + 100 and not load.wrong and time.monotonic() < end:
                time.sleep(0.005)
        load.is_over = True
        expect(not load.wrong, f'after {load.count}: {load.wrong[:3]}')
        expect(s.log().count('still served') == 4 and s.log().count('reloaded') == 8, s.log())


def reload_many(box):
    """Signals that come faster than they can be followed, under load."""
    file = box.path / 'app.wasm'
    shutil.copy(box.guest('http-hello.component'), file)
    with Server(box, file=file) as s, Load(s, 4) as load:
        for _ in range(100):
            s.process.send_signal(signal.SIGHUP)
            time.sleep(0.005)
        s.await_log('reloaded')
        load.is_over = True
        expect(not load.wrong and load.count > 10, f'after {load.count}: {load.wrong[:3]}')


def reload_running(box):
    """A request that runs keeps the program that it began with."""
    file = box.path / 'app.wasm'
    shutil.copy(box.guest('http-routes.component'), file)
    with Server(box, file=file, options=['--admin', '127.0.0.1:0']) as s:
        c = s.connect()
        c.sendall(b'GET /wait/500 HTTP/1.1\r\nhost: x\r\n\r\n')
        s.await_metric('swell_requests_running', 1)
        shutil.copy(box.guest('http-hello.component'), box.path / 'new.wasm')
        os.rename(box.path / 'new.wasm', file)
        s.process.send_signal(signal.SIGHUP)
        s.await_log('reloaded')
        s.expect('/anything', 200, b'hello, world\n')
        expect(answer_of(c) == (200, b'waited\n'), 'the running request is dropped')


CASES = [
    Case('handles that guests keep', call=kept_handles),
    Case('work after the answer', call=works_on),
    Case('stop: idle connections', call=stop_idle),
    Case('stop: half a request', call=stop_half_read),
    Case('stop: half a head for ever', call=stop_silent_head),
    Case('stop: who waits for a place', call=stop_queue),
    Case('stop: too late', call=stop_late),
    Case('stop: a second signal', call=stop_twice),
    Case('stop: not ready any more', call=not_ready),
    Case('reload: under load', call=reload_under_load),
    Case('reload: many times', call=reload_many),
    Case('reload: what runs', call=reload_running),
]
