"""Operating `swell serve`: stopping and reloading under load, logs, metrics, traces, and what goes wrong at start."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

from cases_serve import LIMIT, Server
from harness import Case, Folder, expect, swell


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


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + payload


def frames_of(connection):
    """(kind, flags, stream) of what comes until the connection ends."""
    data, found = b'', []
    while more := connection.recv(65536):
        data += more
    while len(data) >= 9:
        length = int.from_bytes(data[:3], 'big')
        found.append((data[3], data[4], int.from_bytes(data[5:9], 'big')))
        data = data[9 + length:]
    return found


def stop_idle_http2(box):
    """The same over HTTP/2, with peers that answer nothing; they are told with GOAWAY."""
    s = Server(box, options=['--drain-timeout', '1h', '--admin', '127.0.0.1:0'])
    idle = [s.connect() for _ in range(5)]
    for c in idle:
        c.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0))
    s.await_metric('swell_http2_connections_total', 5)
    s.process.send_signal(signal.SIGTERM)
    for c in idle:
        kinds = [kind for kind, _, _ in frames_of(c)]
        expect(kinds[0] == 4 and 7 in kinds, f'frames {kinds}')
    ended(s)


def stop_running_http2(box):
    """A stream that runs is answered before its connection goes."""
    s = Server(box, options=['--drain-timeout', '1h', '--admin', '127.0.0.1:0'])
    c = s.connect()
    # :method GET, :scheme http, :path /wait/400, :authority x, without Huffman coding
    head = b'\x82\x86\x04\x09/wait/400\x01\x01x'
    c.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0) + frame(1, 5, 1, head))
    s.await_metric('swell_requests_running', 1)
    s.process.send_signal(signal.SIGTERM)
    found = frames_of(c)
    expect((1, 4, 1) in found and (0, 1, 1) in [(k, f & 1, i) for k, f, i in found], f'{found}')
    ended(s)


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


# ---- Logs ----------------------------------------------------------------------------------------


def plain_lines(box):
    """Whatever a guest or a peer writes is a line of text, one for each of theirs."""
    with Server(box, options=['--access-log', 'text']) as s:
        s.expect('/bytes', 200)
        with s.connect() as c:
            c.sendall(b'GET /%22x"\\y HTTP/1.1\r\nhost: x\r\n\r\n')
            answer_of(c)
        s.await_log(r'GET /%22x')
        raw = s.log_path.read_bytes()
        lines = [line for line in raw.decode().split('\n') if ' stderr: ' in line]
        expect(not re.search(rb'[\x00-\x09\x0b-\x1f\x7f]', raw), f'control characters: {raw}')
        texts = [line.split(' stderr: ')[1] for line in lines]
        expect(texts == [r'red \x1b[31m return \x0d null \x00 tab \x09 quote \x22 slash \x5c end',
                         r'bad \xff\xc0\xaf\xed\xa0\x80 end',
                         'umlaut \u00e4 ' + r'separator \xe2\x80\xa8 reversed \xe2\x80\xae end'], f'{texts}')
        expect(r'"GET /%22x\x22\x5cy HTTP/1.1"' in s.log(), s.log())


def json_rows(server):
    """Every line is one object with a time and an event."""
    rows = [json.loads(line) for line in server.log_path.read_bytes().decode('utf-8').splitlines()]
    expect(rows, 'nothing is logged')
    for row in rows:
        expect(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', row['time']), f'{row}')
    return rows


def json_lines(box):
    file = box.path / 'app.wasm'
    shutil.copy(box.guest('http-routes.component'), file)
    with Server(box, file=file, options=['--json']) as s:
        s.expect('/bytes', 200)
        s.expect('/trap', 500)
        s.expect('/log', 200)
        s.process.send_signal(signal.SIGHUP)
        s.await_log('"event":"reloaded"')
        file.write_bytes(b'nonsense')
        s.process.send_signal(signal.SIGHUP)
        s.await_log('"event":"reload failed"')
        rows = json_rows(s)
        events = [row['event'] for row in rows]
        wanted = {'ready': 1, 'access': 3, 'stderr': 4, 'stdout': 3, 'error': 1, 'reloaded': 1, 'reload failed': 1}
        expect({e: events.count(e) for e in events} == wanted and events[0] == 'ready', f'{events}')
        first = rows[events.index('stderr')]
        expect(first['text'] == 'red \x1b[31m return \r null \0 tab \t quote " slash \\ end', f'{first}')
        expect(re.fullmatch(r'\d+-\d+', first['request']) and first['program'] == 'app.wasm', f'{first}')
        expect(rows[events.index('error')]['text'].startswith('trap: '), f'{rows}')
        expect(rows[-1]['about'].endswith('app.wasm') and 'WebAssembly' in rows[-1]['text'], f'{rows[-1]}')


def json_denials(box):
    with Server(box, 'http-proxy.component', ['--json']) as s:
        s.expect('/', 502, b'HTTP-request-denied\n', headers={'x-target': 'http://example.com/"'})
        s.await_log('"event":"denied"')
        row, = [r for r in json_rows(s) if r['event'] == 'denied']
        expect('example.com' in row['text'] and '--allow-http' in row['grant it with'], f'{row}')


def long_lines(box):
    """A line without an end becomes lines of bounded length, and nothing of it is lost."""
    with Server(box, options=['--max-log', '1MiB']) as s:
        s.expect('/say/1/100000', 200)
        s.await_log(r'(stdout: x+\n.*){100}')
        texts = re.findall(r'stdout: (x+)\n', s.log())
        expect(max(map(len, texts)) <= 1000 and sum(map(len, texts)) == 100000, f'{len(texts)} lines')


def flood(box):
    """What a request logs is bounded; the next request may log again; the count is known."""
    options = ['--max-log', '10KiB', '--admin', '127.0.0.1:0', '--workers', '1', '--reuse', '10']
    with Server(box, options=options) as s:
        for k in range(1, 3):
            s.expect('/say/10000/100', 200)
            s.await_log(rf'(\] log: \d+ more lines of this request were dropped\n(.|\n)*){{{k}}}')
            lines = s.log().count('stdout: ')
            expect(k * 50 <= lines <= k * 110, f'{lines} lines')
            expect(s.metric('swell_log_dropped_lines_total') == k * 10000 - lines, 'dropped lines are not counted')
        s.expect('/log', 200)
        s.await_log('stdout: no newline at the end')


# ---- Starting ------------------------------------------------------------------------------------


def taken(box):
    """A port that somebody else has, with and without sharing, and one of the admin address."""
    guest = box.guest('http-hello.component')
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        for words in ['--listen', f'127.0.0.1:{port}'], ['--listen', '127.0.0.1:0', '--admin', f'127.0.0.1:{port}']:
            result = box.run(['serve', *words, guest])
            expect(result.returncode == 1 and f'cannot listen on 127.0.0.1:{port}: Address already in use'
                   in result.talk and 'hello' not in result.talk, f'{words}', result)


def reserved(box):
    """A user without rights and a port below 1024."""
    guest = box.guest('http-hello.component')
    if int(open('/proc/sys/net/ipv4/ip_unprivileged_port_start').read()) < 1024:
        expect(True, '')
        return
    user = dict(user=65534, group=65534) if os.getuid() == 0 else {}
    shutil.copy(guest, box.path / 'app.wasm')
    box.path.chmod(0o755)
    result = subprocess.run([swell(), 'serve', '--no-cache', '--listen', '127.0.0.1:81', box.path / 'app.wasm'],
                            capture_output=True, timeout=LIMIT, env=box.environment({}), **user)
    talk = result.stderr.decode()
    expect(result.returncode == 1 and 'Permission denied; ports below 1024' in talk, f'{result.returncode} {talk}')


def refused(name, words, code, *fragments, **more):
    return Case(f'start: {name}', command=['serve', *words], code=code, out='', err=list(fragments), **more)


def wrong_file(name, content, code, *fragments):
    return refused(name, ['--listen', '127.0.0.1:0', '{box}/file.wasm'], code, *fragments, files={'file.wasm': content})


def wrong_option(name, words, code, *fragments):
    """The guest is fine, an option is not."""
    def call(box):
        result = box.run(['serve', '--listen', '127.0.0.1:0', *words, box.guest('http-hello.component')])
        expect(result.returncode == code, f'exit code {result.returncode}, not {code}', result)
        for fragment in fragments:
            expect(fragment in result.talk, f'stderr lacks {fragment!r}', result)
        expect('serving' not in result.talk, 'it served', result)
    return Case(f'start: {name}', call=call)


def guest_that_serves_nothing(box):
    result = box.run(['serve', box.guest('hello.component')])
    expect(result.returncode == 1 and "exports no 'wasi:http/incoming-handler'" in result.talk, 'a command', result)


CASES = [
    Case('handles that guests keep', call=kept_handles),
    Case('work after the answer', call=works_on),
    Case('stop: idle connections', call=stop_idle),
    Case('stop: idle connections of HTTP/2', call=stop_idle_http2),
    Case('stop: a running stream of HTTP/2', call=stop_running_http2),
    Case('stop: half a request', call=stop_half_read),
    Case('stop: half a head for ever', call=stop_silent_head),
    Case('stop: who waits for a place', call=stop_queue),
    Case('stop: too late', call=stop_late),
    Case('stop: a second signal', call=stop_twice),
    Case('stop: not ready any more', call=not_ready),
    Case('reload: under load', call=reload_under_load),
    Case('reload: many times', call=reload_many),
    Case('reload: what runs', call=reload_running),

    Case('logs: only text', call=plain_lines),
    Case('logs: JSON', call=json_lines),
    Case('logs: denials as JSON', call=json_denials),
    Case('logs: long lines', call=long_lines),
    Case('logs: a flood', call=flood),

    refused('no file', ['absent.wasm'], 1, 'error: absent.wasm: No such file'),
    refused('a folder', ['{box}/file.wasm'], 1, 'is a directory', files={'file.wasm': Folder()}),
    wrong_file('text', 'hello\n', 2, 'neither a WebAssembly module nor a component'),
    wrong_file('an empty file', '', 2, 'empty'),
    wrong_file('half a header', b'\0asm\r\0', 2, 'at byte'),
    wrong_file('a broken component', b'\0asm\r\0\1\0\xff\xff', 2, 'at byte'),
    wrong_file('a module', b'\0asm\1\0\0\0', 1, 'only components can answer HTTP requests'),
    wrong_file('a component of another kind', b'\0asm\r\0\1\0', 1, "exports no 'wasi:http/incoming-handler'"),
    Case('start: a command', call=guest_that_serves_nothing),
    Case('start: a port that is taken', call=taken),
    Case('start: a reserved port', call=reserved),
    wrong_option('an address that is not here', ['--listen', '192.0.2.1:80'], 1, 'cannot listen on 192.0.2.1:80'),
    wrong_option('an address without a port', ['--listen', '127.0.0.1'], 2, 'error: address: \'127.0.0.1\' is not'),
    wrong_option('a port too large', ['--listen', '127.0.0.1:65536'], 2, 'is not an address and port'),
    wrong_option('a name for the admin address', ['--admin', 'example.com:1'], 2, 'names are not looked up'),
    wrong_option('a descriptor that is none', ['--listen-fd', '99'], 2, 'descriptor 99 is not a listening socket'),
    wrong_option('a folder that is not there', ['--dir', '/absent'], 1, "grants: granted directory '/absent': No such"),
    wrong_option('a grant that is none', ['--allow-http', '://'], 2, "grants: HTTP grant '://'"),
    wrong_option('a collector that is none', ['--otlp', '127.0.0.1:4318'], 2, 'OTLP: ', 'http://'),
    wrong_option('a collector without a host', ['--otlp', 'http:///v1'], 2, 'OTLP: malformed URL'),
    wrong_option('errors as JSON', ['--json', '--listen', '192.0.2.1:80'], 1, '"event":"error","about":"address"'),
    wrong_option('a misspelt option', ['--max-memroy', '1MiB'], 2, "did you mean '--max-memory'?"),
    wrong_option('another misspelt option', ['--acces-log=text'], 2, "did you mean '--access-log'?"),
    wrong_option('a size that is none', ['--max-body', '1 kilo'], 2, '--max-body', '64MiB'),
    wrong_option('a duration that is none', ['--timeout', 'soon'], 2, '--timeout', '250ms'),
    wrong_option('one word too many', ['other.wasm'], 2, 'unexpected argument'),
]
