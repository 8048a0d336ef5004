"""Hostile clients of `swell serve` over HTTP/1.1. After each attack the server answers as before, has counted
what happened, and holds neither a descriptor nor memory of it (attack.Target.watched)."""
import http.client
import os
import random
import re
import resource
import socket
import threading
import time
import zlib

from attack import HELLO, MIB, Target, closed_of, pour, read_all, reset, statuses, talk
from harness import ROOT, Case, Failure, Skip, expect

# More of everything: for a run by hand.
TIMES = int(os.environ.get('SWELL_HOSTILE', 1))
BODY_BYTES = 1000000000
IDLE_CONNECTIONS = 10000
REFUSED = 'swell_http_refused_total{status="%s"}'
POST = b'POST %b HTTP/1.1\r\nHost: a\r\n'

# ---- Too slow -------------------------------------------------------------------------------------------


def slow_heads(box):
    """Heads that begin and do not end, byte by byte, many at once; those in time are served."""
    with Target(box, ['--head-timeout', '1500ms']) as s, s.watched(counts={REFUSED % 408: 150}):
        slow = [s.open() for _ in range(150)]
        quick = [s.open() for _ in range(20)]
        for i in range(len(HELLO)):
            for c in quick:
                c.sendall(HELLO[i:i + 1])
            if i % 4 == 0:
                for c in slow:
                    c.sendall(HELLO[i // 4:i // 4 + 1])
            time.sleep(0.01)
        s.good()
        for c in quick:
            expect(c.recv(100).startswith(b'HTTP/1.1 200'), 'a head byte by byte is not served')
            c.close()
        expect(all(statuses(read_all(c)) == [408] for c in slow), 'slow heads get no 408')


def silence(box):
    with Target(box, ['--idle-timeout', '1s']) as s, s.watched(counts={'swell_http_timeouts_total': 200}):
        idle = [s.open() for _ in range(100)] + [s.open(HELLO) for _ in range(100)]
        closed = closed_of(idle, 20)
        expect(closed == 200, f'{closed} of 200 idle connections are closed')


def slow_bodies(box):
    """A body that comes so slowly that its time-out, which every byte puts off a little, passes."""
    heads = (b'Content-Length: 100000\r\n\r\n', b'Transfer-Encoding: chunked\r\n\r\n186a0\r\n')
    with Target(box, ['--body-timeout', '1s']) as s, s.watched(counts={REFUSED % 408: 50}):
        slow = [s.open(POST % b'/count' + head) for head in heads for _ in range(25)]
        end = time.monotonic() + 20
        while slow and time.monotonic() < end:
            time.sleep(0.1)
            slow = [c for c in slow if drips(c)]
        expect(not slow, f'{len(slow)} slow bodies are still read')


def drips(c):
    """One byte more; false when the server has answered, which must be with 408."""
    try:
        c.sendall(b'x')
        c.setblocking(False)
        answer = c.recv(1000)
    except BlockingIOError:
        c.setblocking(True)
        return True
    except ConnectionError:
        answer = b''
    expect(not answer or statuses(answer) == [408], f'a slow body gets {answer!r}')
    return False


def slow_readers(box):
    """Who asks for much and reads nothing holds no more than the buffers of a connection."""
    with Target(box, ['--write-timeout', '1s']) as s, s.watched(32, {'swell_http_timeouts_total': 50}):
        deaf = [s.open(b'GET /big/100000000 HTTP/1.1\r\nHost: a\r\n\r\n') for _ in range(50)]
        s.good()
        s.await_metric('swell_http_timeouts_total', 50)
        expect(closed_of(deaf, 20) == 50, 'peers that do not read are kept')


def slow_but_reading(box):
    with Target(box, ['--write-timeout', '1s']) as s, s.watched():
        c = s.open(b'GET /big/8000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        for _ in range(20):
            time.sleep(0.1)
            expect(c.recv(65536), 'who reads slowly is cut')
        expect(len(read_all(c)) > 1000000, 'and does not get everything')


# ---- Too much -------------------------------------------------------------------------------------------

BOMBS = [
    ('fields', b'GET / HTTP/1.1\r\nHost: a\r\n' + b'a: b\r\n' * 200 + b'\r\n', 431),
    ('endless fields', b'GET / HTTP/1.1\r\nHost: a\r\n' + b'a:\r\n' * 250000, 431),
    ('one long value', b'GET / HTTP/1.1\r\nHost: a\r\nx: ' + b'a' * MIB, 431),
    ('one long name', b'GET / HTTP/1.1\r\nHost: a\r\n' + b'a' * MIB, 431),
    ('long names', b'GET / HTTP/1.1\r\nHost: a\r\n' + (b'a' * 4000 + b': b\r\n') * 200, 431),
    ('white space', b'GET / HTTP/1.1\r\nHost: a\r\nx:' + b' ' * MIB, 431),
    ('a long cookie', b'GET / HTTP/1.1\r\nHost: a\r\ncookie: ' + b'a=b; ' * 20000 + b'\r\n\r\n', 431),
    ('a long path', b'GET /' + b'a' * MIB + b' HTTP/1.1\r\nHost: a\r\n\r\n', 414),
    ('a long query', b'GET /?' + b'a&' * 100000 + b' HTTP/1.1\r\nHost: a\r\n\r\n', 414),
    ('a long host', b'GET / HTTP/1.1\r\nHost: ' + b'a' * MIB + b'\r\n\r\n', 431),
    ('a long method', b'G' * MIB, 501),
    ('zeros', bytes(MIB), 400),
    ('empty lines', b'\r\n' * 100000, 400),
    ('trailers', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n0\r\n' + b'a: b\r\n' * 5000, 431),
    ('one long trailer', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n0\r\na:' + b'b' * MIB, 431),
    ('a long extension', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n1;' + b'a' * MIB, 400),
    ('many extensions', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n' + b'1;aaaa=b\r\nx\r\n' * 2000, 400),
    ('a large chunk', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n' + bytes(MIB), 400),
    ('a long size', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n' + b'0' * MIB, 400),
    ('a length beyond the limit', POST % b'/count' + b'Content-Length: 2000000000\r\n\r\n', 413),
    ('a length of nines', POST % b'/count' + b'Content-Length: ' + b'9' * 30000 + b'\r\n\r\n', 400),
]


def bombs(box):
    with Target(box) as s, s.watched(32, {REFUSED % 431: 100, REFUSED % 414: 20, REFUSED % 413: 10}):
        for _ in range(10 * TIMES):
            for name, data, status in BOMBS:
                got = talk(s, data)
                # Who sends on for long after an answer may lose it to the reset that ends him.
                expect(statuses(got) in ([status], []), f'{name}: {got[:300]!r}, not {status}')


def bombs_at_once(box):
    with Target(box) as s, s.watched(64):
        threads = [threading.Thread(target=talk, args=(s, data)) for _, data, _ in BOMBS for _ in range(5 * TIMES)]
        for t in threads:
            t.start()
        for _ in range(20):
            s.good()
        for t in threads:
            t.join()


def chunks_of_one(box):
    """The most framing for the least body."""
    with Target(box) as s, s.watched():
        c = s.open(POST % b'/count' + b'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n' +
                   b'1\r\nx\r\n' * 300000 + b'0\r\n\r\n')
        expect(read_all(c).endswith(b'300000 bytes\n'), 'chunks of one byte are lost')


def large_body(path, is_chunked, check):
    def call(box):
        with Target(box) as s, s.watched(24):
            c = s.connect()
            framing = b'Transfer-Encoding: chunked' if is_chunked else b'Content-Length: %d' % BODY_BYTES
            c.sendall(POST % path + framing + b'\r\n\r\n')
            sent = []
            sender = threading.Thread(target=lambda: sent.append(pour(c, BODY_BYTES, is_chunked)))
            sender.start()
            try:
                check(s, c, sender, sent)
            finally:
                c.close()
                sender.join()
    kind = 'chunked' if is_chunked else 'with its length'
    return Case(f'a body of 1 GB for {path.decode()}, {kind}', call=call)


def is_counted(s, c, sender, sent):
    answer = http.client.HTTPResponse(c)
    answer.begin()
    expect(answer.read() == b'%d bytes\n' % BODY_BYTES, 'bytes are lost')


def is_echoed(s, c, sender, sent):
    answer = http.client.HTTPResponse(c, method='POST')
    answer.begin()
    length, checksum = 0, 0
    try:
        while piece := answer.read(MIB):
            length += len(piece)
            checksum = zlib.crc32(piece, checksum)
    except OSError as error:
        raise Failure(f'the answer ends after {length} bytes: {error}; log: {s.log()}') from error
    sender.join()
    expect((length, checksum) == (BODY_BYTES, sent[0]), f'{length} bytes come back, or others than were sent')


def is_ignored(s, c, sender, sent):
    """The guest answers without having read: then nobody reads, and the connection ends."""
    got = read_all(c)
    expect(statuses(got) in ([200], []), f'{got[:200]!r}')
    sender.join()
    expect(sent == [None], 'a body that nobody wants is read to its end')


def is_held(s, c, sender, sent):
    """The guest waits and does not read: nor does the server."""
    s.await_metric('swell_requests_running', 1)
    before = s.counts()['swell_received_bytes_total']
    s.good()
    expect(statuses(read_all(c)) in ([200], []), 'no answer')
    sender.join()
    expect(sent == [None] and s.counts()['swell_received_bytes_total'] - before < 4 * MIB, 'it was read')


def beyond_the_limit(box):
    """A body in chunks does not say how long it will be: it is cut where the limit is."""
    with Target(box, ['--max-body', '1MiB']) as s, s.watched(counts={REFUSED % 413: 2}):
        for head in (b'Transfer-Encoding: chunked\r\n\r\n', b'Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n'):
            c = s.open(POST % b'/count' + head)
            pour(c, 64 * MIB, True)
            got = read_all(c)
            expect(statuses(got.replace(b'HTTP/1.1 100', b'')) in ([413], []), f'{got!r}')


def full_of_bodies(box):
    """Bodies that nobody reads, from many, beyond what all may hold together."""
    with Target(box, ['--max-buffers', '8MiB', '--timeout', '3s']) as s, s.watched(32):
        held = []
        for _ in range(300):
            c = s.connect()
            c.setblocking(False)
            c.send(POST % b'/wait/1500' + b'Content-Length: 1000000\r\n\r\n' + bytes(200000))
            held.append(c)
        s.await_true(lambda: s.counts()['swell_requests_running'] < 10, lambda: 'the guests are still there')
        for c in held:
            c.close()


# ---- Gone -----------------------------------------------------------------------------------------------

BODY = POST % b'/count' + b'Content-Length: 5000\r\n\r\n'
STAGES = [  # what has been sent, how much is read before the end
    ('before the head', b'', 0),
    ('in the middle of a head', HELLO[:20], 0),
    ('before the end of a head', HELLO[:-1], 0),
    ('after the head', HELLO, 0),
    ('at the beginning of a body', BODY, 0),
    ('in the middle of a body', BODY + bytes(2000), 0),
    ('in the middle of an echo', POST % b'/echo' + b'Content-Length: 5000\r\n\r\n' + bytes(2000), 500),
    ('in the middle of a chunk', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n5\r\nab', 0),
    ('between chunks', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n', 0),
    ('in the middle of trailers', POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n0\r\nx: y\r\n', 0),
    ('before the permission to go on', POST % b'/wait/300' + b'Expect: 100-continue\r\nContent-Length: 5\r\n\r\n', 0),
    ('after the permission to go on', POST % b'/count' + b'Expect: 100-continue\r\nContent-Length: 5\r\n\r\n', 20),
    ('while a guest waits', b'GET /wait/3000 HTTP/1.1\r\nHost: a\r\n\r\n', 0),
    ('while a guest computes', b'GET /spin HTTP/1.1\r\nHost: a\r\n\r\n', 0),
    ('in the middle of an answer', b'GET /big/5000000 HTTP/1.1\r\nHost: a\r\n\r\n', 1000),
    ('between the lines of an answer', b'GET /drip/100/50 HTTP/1.1\r\nHost: a\r\n\r\n', 100),
    ('in the middle of an answer of HTTP/1.0', b'GET /drip/100/50 HTTP/1.0\r\n\r\n', 100),
    ('after an answer', HELLO, 100),
    ('after a refusal', b'GET / HTTP/9.9\r\n\r\n', 20),
    ('among pipelined requests', HELLO * 50, 100),
]


def half_close(c):
    """Says that nothing follows, and reads on: what is complete is answered, the rest is not."""
    try:
        c.shutdown(socket.SHUT_WR)
        read_all(c)
    except OSError:
        pass
    c.close()


def gone(end):
    def call(box):
        with Target(box, ['--timeout', '5s']) as s, s.watched(32, {'swell_http_resets_total': 20}):
            for _ in range(3 * TIMES):
                held = []
                for _, data, wanted in STAGES:
                    for _ in range(3):
                        c = s.open(data)
                        if wanted:
                            c.recv(wanted)
                        held.append(c)
                time.sleep(0.05)
                threads = [threading.Thread(target=end, args=(c,)) for c in held]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
                s.good()
    return call


def half_closed_is_answered(box):
    """A peer that has said everything may close its side and read."""
    with Target(box) as s, s.watched():
        for data, status in ((HELLO, 200), (BODY + bytes(5000), 200), (b'GET / HTTP/9.9\r\n\r\n', 505)):
            c = s.open(data)
            c.shutdown(socket.SHUT_WR)
            got = read_all(c)
            expect(statuses(got) == [status], f'{data[:40]!r}: {got!r}')


def resets(box):
    """Connections that are reset as soon as they are there, and while something is asked on them."""
    with Target(box) as s, s.watched(48):
        for data in (b'', HELLO, HELLO[:10], b'GET /big/1000000 HTTP/1.1\r\nHost: a\r\n\r\n', HELLO * 100):
            for _ in range(400 * TIMES):
                reset(s.open(data))
        s.good()


# ---- Many -----------------------------------------------------------------------------------------------


def idle(box):
    """Ten thousand idle connections cost little and disturb nobody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE_CONNECTIONS + 500:
        raise Skip(f'only {hard} descriptors are allowed')
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = []
    try:
        with Target(box) as s, s.watched(24, {'swell_connections_accepted_total': IDLE_CONNECTIONS}):
            held += [s.open() for _ in range(IDLE_CONNECTIONS)]
            s.await_metric('swell_connections', IDLE_CONNECTIONS)
            for _ in range(100):
                s.good()
            for c in held[::100]:
                c.sendall(HELLO)
                expect(c.recv(15) == b'HTTP/1.1 200 OK', 'who was idle is not served')
            for c in held:
                c.close()
    finally:
        for c in held:
            c.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def pipelined(box):
    """All are answered, in their order."""
    count = 10000 * TIMES
    with Target(box) as s, s.watched():
        c = s.connect()
        requests = b''.join(b'GET /status/%d HTTP/1.1\r\nHost: a\r\n\r\n' % (200 + i % 300) for i in range(count))
        sender = threading.Thread(target=lambda: (c.sendall(requests), c.shutdown(socket.SHUT_WR)))
        sender.start()
        got = statuses(read_all(c))
        sender.join()
        expect(got == [200 + i % 300 for i in range(count)], f'{len(got)} answers, or in another order')


def pipelined_unread(box):
    """Who does not read the answers is not read either, and then cut; others are served meanwhile."""
    def ask():
        with s.connect() as c:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                while time.monotonic() < end:
                    c.sendall(b'GET /big/50000 HTTP/1.1\r\nHost: a\r\n\r\n' * 1000)
            except OSError:
                ended.append(c)
    ended, end = [], time.monotonic() + 25
    with Target(box, ['--write-timeout', '1s']) as s, s.watched(32, {'swell_http_timeouts_total': 8}):
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            s.good()
        expect(len(ended) == 8, f'{8 - len(ended)} of 8 that do not read are kept')


# ---- Odd ------------------------------------------------------------------------------------------------


def c_string(text):
    """The bytes of adjacent C literals; H stands for a Host field, as in the table they are from."""
    simple = {'r': b'\r', 'n': b'\n', 't': b'\t', 'v': b'\v', '0': b'\0', '"': b'"', '\\': b'\\'}
    data = b''
    for piece in re.findall(r'"((?:[^"\\]|\\.)*)"|(H)', text):
        if piece[1]:
            data += b'Host: a\r\n'
            continue
        for plain, code, escape in re.findall(r'([^\\]+)|\\x([0-9a-f]+)|\\(.)', piece[0]):
            data += plain.encode() if plain else bytes([int(code, 16)]) if code else simple[escape]
    return data


def table(name):
    """(bytes, outcome) of the rows of a table in the parser's own test."""
    source = (ROOT / 'tests' / 'http' / 'h1_parse_test.c').read_text()
    rows = source[source.index(f' {name}[] = {{'):]
    rows = rows[:rows.index('\n};')]
    return [(c_string(data), outcome) for data, outcome in
            re.findall(r'\{SW_STR_INIT\(((?:"(?:[^"\\]|\\.)*"|H|\s)+)\),\s*"([^"]*)"\}', rows)]


def smuggling(box):
    """What two parsers could understand differently is refused, and nothing behind it is understood."""
    rows = [row for row in table('SMUGGLING') if not row[0].startswith(b'PRI')]  # that one is HTTP/2
    expect(len(rows) >= 100, f'only {len(rows)} rows are found')
    with Target(box) as s, s.watched():
        guests = s.counts()['swell_instances_total']
        for data, outcome in rows:
            for behind in (HELLO, b'0\r\n\r\n' + HELLO, b'hello' + HELLO):
                got = talk(s, data + behind)
                expect(statuses(got) == [int(outcome[:3])] and b'connection: close\r\n' in got,
                       f'{data!r}: {got!r}, not {outcome}')
        expect(s.counts()['swell_instances_total'] == guests, 'a guest was asked')


def smuggling_in_chunks(box):
    rows = [(body, outcome) for body, outcome in table('CHUNKS') if '!' in outcome]
    expect(len(rows) >= 30, f'only {len(rows)} rows are found')
    with Target(box) as s, s.watched(counts={REFUSED % '4xx': len(rows)}):
        for body, _ in rows:
            got = talk(s, POST % b'/count' + b'Transfer-Encoding: chunked\r\n\r\n' + body + HELLO)
            expect(statuses(got) == [400] and b'connection: close\r\n' in got, f'{body!r}: {got!r}')


H = b'Host: a\r\n'
UPGRADE = H + b'Connection: Upgrade%b\r\nUpgrade: %b\r\n'
ODD = [  # what is sent, statuses of the answers, text that must be there
    (b'GET /hello\r\n', [400], b''),
    (b'GET /hello\r\n\r\n', [400], b''),
    (b'GET /hello HTTP/1.0\r\n\r\n' + HELLO, [200], b'connection: close\r\n'),
    (b'GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /hello HTTP/1.0\r\n\r\n', [200, 200],
     b'connection: keep-alive\r\n'),
    (b'GET /drip/2/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n' + HELLO, [200], b'\r\n\r\n0\n1\n'),
    (b'GET http://a/dump HTTP/1.1\r\n' + H + b'\r\n', [200], b'authority a\npath /dump'),
    (b'GET https://a/dump HTTP/1.1\r\n' + H + b'\r\n', [421], b''),
    (b'GET http://b/dump HTTP/1.1\r\n' + H + b'\r\n', [400], b''),
    (b'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n' + HELLO, [501], b''),
    (b'OPTIONS * HTTP/1.1\r\n' + H + b'\r\n', [404], b''),
    (b'TRACE /dump HTTP/1.1\r\n' + H + b'Cookie: secret\r\n\r\n', [200], b'method TRACE'),
    (b'HEAD /hello HTTP/1.1\r\n' + H + b'\r\n', [200], b'\r\n\r\n'),
    (b'PURGE /dump HTTP/1.1\r\n' + H + b'\r\n', [200], b'method PURGE'),
    (b'GET /hello HTTP/1.1\r\n\r\n', [400], b''),
    (b'GET /hello HTTP/1.1\r\nHost:\r\n\r\n', [400], b''),
    (b'GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n', [400], b''),
    (b'GET /hello HTTP/1.1\r\nHost: a:65536\r\n\r\n', [400], b''),
    (b'GET /hello HTTP/1.1\r\n' + UPGRADE % (b'', b'websocket') + b'Sec-WebSocket-Version: 13\r\n'
     b'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n', [200], b'hello, world'),
    (b'GET /hello HTTP/1.1\r\n' + UPGRADE % (b', HTTP2-Settings', b'h2c') + b'HTTP2-Settings: AAMAAABk\r\n\r\n' + HELLO,
     [200, 200], b'hello, world'),
    (b'GET /hello HTTP/1.1\r\n' + UPGRADE % (b'', b'TLS/1.0') + b'\r\n', [200], b'hello, world'),
    (b'POST /count HTTP/1.1\r\n' + H + b'Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc', [200], b'3 bytes\n'),
    (b'POST /ignore HTTP/1.1\r\n' + H + b'Expect: 100-continue\r\nContent-Length: 3\r\n\r\n', [200], b'connection: close\r\n'),
    (b'POST /count HTTP/1.1\r\n' + H + b'Expect: 100-continue\r\n\r\n', [200], b'0 bytes\n'),
    (b'POST /count HTTP/1.1\r\n' + H + b'Expect: 100-continue, x\r\nContent-Length: 3\r\n\r\nabc', [417], b''),
    (b'POST /count HTTP/1.1\r\n' + H + b'Expect: teapot\r\nContent-Length: 3\r\n\r\nabc', [417], b''),
    (b'POST /count HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc', [200], b'3 bytes\n'),
    (b'GET /count HTTP/1.1\r\n' + H + b'Content-Length: 3\r\n\r\nabc' + HELLO, [200, 200], b'3 bytes\n'),
    (b'\r\n' + HELLO, [200], b''),
    (HELLO + b'\r\n' + HELLO, [200, 200], b''),
    (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(100), [400], b''),
    (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [], b''),
    (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + HELLO, [], b''),
    (b'PRI * HTTP/2.0\r\n\r\n' + HELLO, [400], b''),
    (HELLO + b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [200, 400], b''),
    (b'SSH-2.0-OpenSSH_9.2\r\n', [400], b''),
    (b'*1\r\n$4\r\nPING\r\n', [400], b''),
]


def odd(box):
    with Target(box) as s, s.watched():
        for data, wanted, text in ODD:
            c = s.open(data)
            if wanted:
                c.recv(1, socket.MSG_PEEK)  # a peer that closes before it is answered may have gone
            c.shutdown(socket.SHUT_WR)
            got = read_all(c)
            found = statuses(got.replace(b'HTTP/1.1 100 Continue\r\n\r\n', b''))
            expect(found == wanted and text in got, f'{data[:200]!r}: {got!r}, not {wanted} with {text!r}')


def random_bytes(box):
    """Bytes of no sense, and requests of which a byte is wrong; each run the same."""
    chance = random.Random(1)
    good = POST % b'/count' + b'Transfer-Encoding: chunked\r\nX-Y: z\r\n\r\n3;a="b"\r\nabc\r\n0\r\nT: u\r\n\r\n'
    with Target(box) as s, s.watched(32):
        for i in range(600 * TIMES):
            if i % 3 == 0:
                data = chance.randbytes(chance.randrange(1, 4000))
            else:
                data = bytearray(good * 3)
                for _ in range(chance.randrange(1, 4)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
            c = s.connect()
            try:
                cut = chance.randrange(len(data))
                c.sendall(data[:cut])
                c.sendall(data[cut:])
                c.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass
            read_all(c)
            c.close()


CASES = [
    Case('slow heads', call=slow_heads),
    Case('silence', call=silence),
    Case('slow bodies', call=slow_bodies),
    Case('who does not read', call=slow_readers),
    Case('who reads slowly', call=slow_but_reading),
    Case('bombs', call=bombs),
    Case('bombs at once', call=bombs_at_once),
    Case('chunks of one byte', call=chunks_of_one),
    large_body(b'/count', False, is_counted),
    large_body(b'/count', True, is_counted),
    large_body(b'/echo', False, is_echoed),
    large_body(b'/echo', True, is_echoed),
    large_body(b'/splice', True, is_echoed),
    large_body(b'/ignore', False, is_ignored),
    large_body(b'/ignore', True, is_ignored),
    large_body(b'/wait/1000', False, is_held),
    Case('a body beyond the limit', call=beyond_the_limit),
    Case('more bodies than may be held', call=full_of_bodies),
    Case('closed at every stage', call=gone(socket.socket.close)),
    Case('half closed at every stage', call=gone(half_close)),
    Case('reset at every stage', call=gone(reset)),
    Case('half closed after a request', call=half_closed_is_answered),
    Case('a storm of resets', call=resets),
    Case('ten thousand idle connections', call=idle),
    Case('pipelined requests', call=pipelined),
    Case('pipelined requests of who does not read', call=pipelined_unread),
    Case('smuggling', call=smuggling),
    Case('smuggling in chunks', call=smuggling_in_chunks),
    Case('odd requests', call=odd),
    Case('random bytes', call=random_bytes),
]
