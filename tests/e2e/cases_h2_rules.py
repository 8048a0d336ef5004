"""The rules of RFC 9113, each broken once on a connection of its own, and floods: what the server says to it, and
that it serves others."""
import struct
import time

from cases_serve import LIMIT, Server
from h2_frames import (ACK, CALM, CANCEL, COMPRESSION, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL,
                       FRAME_SIZE, GOAWAY, HAS_PRIORITY, HEADERS, NO_ERROR, PADDED, PING, PREFACE, PRIORITY, PROTOCOL,
                       PUSH_PROMISE, REFUSED, RST_STREAM, SETTINGS, STREAM_CLOSED, Client, block, data, field, frame,
                       head, integer, request, reset, settings, text, window)
from harness import Case, expect


class Ends(set):
    """The connection ends with one of these codes."""


class Resets(set):
    """Stream 1 is reset with one of these codes, and the connection lives."""


class Either(set):
    """One of the above with one of these codes: the RFC leaves the choice."""


class Answers(int):
    """Stream 1 is answered with this status, and the connection lives."""


class AnswersLast(int):
    """Stream 1 is answered with this status, then the connection ends without an error."""


class Lives:
    """Nothing happens."""


OPEN = request('POST', '/count', ends=False)  # a stream whose guest waits for the body
SLOW = request(path='/wait/300')              # one whose peer has ended
WHOLE = head()
SPLIT = frame(HEADERS, 1, WHOLE[:20], END_STREAM)
PRIO = struct.pack('>IB', 0, 15)


def headers(fragment, flags=END_HEADERS | END_STREAM, stream=1):
    return frame(HEADERS, stream, fragment, flags)


def more(*fields, **rest):
    return request(more=fields, **rest)


def posted(length, *parts):
    """A body in parts, declared to be so long."""
    return request('POST', '/count', [('content-length', length)], ends=False) + b''.join(
        data(p, ends=i == len(parts) - 1) for i, p in enumerate(parts))


def trailers(*fields, flags=END_HEADERS | END_STREAM):
    return OPEN + data(b'abc') + headers(block(fields), flags)


# Name, bytes after the preface and settings, what is expected. Numbers are sections of RFC 9113.
ROWS = [
    # 4.1, 4.2: frames and their sizes
    ('a type that nobody knows', frame(0xee, 0, b'abc') + request(), Answers(200)),
    ('the same on a stream', OPEN + frame(0xee, 1, b'abc') + data(b'abc', ends=True), Answers(200)),
    ('flags that nobody knows', frame(PING, 0, bytes(8), 0xfe) + request(), Answers(200)),
    ('the reserved bit of the stream', frame(HEADERS, 1 | 1 << 31, WHOLE, END_HEADERS | END_STREAM), Answers(200)),
    ('DATA over the largest frame', OPEN + data(bytes(16385)), Either({FRAME_SIZE})),
    ('HEADERS over the largest frame', headers(WHOLE + field('x', 'y' * 16384)), Ends({FRAME_SIZE})),
    ('SETTINGS over the largest frame', frame(SETTINGS, 0, bytes(6 * 3000)), Ends({FRAME_SIZE})),
    # 4.3: field blocks
    ('a block in two frames', SPLIT + frame(CONTINUATION, 1, WHOLE[20:], END_HEADERS), Answers(200)),
    ('a block in empty frames', SPLIT + frame(CONTINUATION, 1, b'') + frame(CONTINUATION, 1, WHOLE[20:], END_HEADERS),
     Answers(200)),
    ('a block cut within a field', frame(HEADERS, 1, WHOLE[:-1], END_STREAM | END_HEADERS), Ends({COMPRESSION})),
    ('an index beyond the tables', headers(WHOLE + integer(90, 7, 128)), Ends({COMPRESSION})),
    ('index 0', headers(WHOLE + b'\x80'), Ends({COMPRESSION})),
    ('an integer without end', headers(WHOLE + b'\xff' + b'\xff' * 12), Ends({COMPRESSION})),
    ('a table larger than allowed', headers(integer(1 << 20, 5, 32) + WHOLE), Ends({COMPRESSION})),
    ('a new size of the table at the end', headers(WHOLE + integer(0, 5, 32)), Ends({COMPRESSION})),
    ('a new size of the table at the beginning', headers(integer(0, 5, 32) + WHOLE), Answers(200)),
    ("Huffman's code padded with zeroes", headers(WHOLE + b'\0' + text('x') + b'\x81\x18'), Ends({COMPRESSION})),
    ("Huffman's code with more than a byte of padding", headers(WHOLE + b'\0' + text('x') + b'\x83\x1f\xff\xff'),
     Ends({COMPRESSION})),
    ("Huffman's code with the end in it", headers(WHOLE + b'\0' + text('x') + b'\x84\xff\xff\xff\xff'),
     Ends({COMPRESSION})),
    # 5.1: states
    ('DATA on an idle stream', data(b'abc', 3), Ends({PROTOCOL})),
    ('WINDOW_UPDATE on an idle stream', window(3, 1), Ends({PROTOCOL})),
    ('RST_STREAM on an idle stream', reset(3), Ends({PROTOCOL})),
    ('CONTINUATION on an idle stream', frame(CONTINUATION, 3, WHOLE, END_HEADERS), Ends({PROTOCOL})),
    ('PRIORITY on an idle stream', frame(PRIORITY, 3, PRIO) + request(), Answers(200)),
    ('DATA after the end', SLOW + data(b'abc'), Either({STREAM_CLOSED})),
    ('HEADERS after the end', SLOW + request(path='/wait/300'), Either({STREAM_CLOSED, PROTOCOL})),
    ('WINDOW_UPDATE after the end', SLOW + window(1, 10), Answers(200)),
    ('HEADERS after a reset', OPEN + reset(1) + request(), Ends({STREAM_CLOSED})),
    ('PRIORITY, WINDOW_UPDATE and RST_STREAM after a reset',
     OPEN + reset(1) + frame(PRIORITY, 1, PRIO) + window(1, 10) + reset(1), Lives()),
    ('the stream of a server', request(stream=2), Ends({PROTOCOL})),
    ('a stream behind another', request(stream=5) + request(stream=3), Ends({PROTOCOL, STREAM_CLOSED})),
    ('streams that are left out', request(stream=1) + request(stream=101), Answers(200)),
    ('too many streams', b''.join(request(path='/wait/300', stream=1 + 2 * k) for k in range(129)), Ends({PROTOCOL, REFUSED})),
    # 5.3: priorities
    ('a stream that depends on itself', frame(HEADERS, 1, struct.pack('>IB', 1, 0) + WHOLE,
                                              END_HEADERS | END_STREAM | HAS_PRIORITY), Either({PROTOCOL})),
    ('the same by PRIORITY', OPEN + frame(PRIORITY, 1, struct.pack('>IB', 1, 0)), Either({PROTOCOL})),
    ('HEADERS with a priority', frame(HEADERS, 1, PRIO + WHOLE, END_HEADERS | END_STREAM | HAS_PRIORITY), Answers(200)),
    ('HEADERS too short for their priority', headers(b'\0\0\0', END_HEADERS | END_STREAM | HAS_PRIORITY),
     Ends({FRAME_SIZE, PROTOCOL})),
    # 6.1 DATA
    ('DATA on stream 0', frame(DATA, 0, b'abc'), Ends({PROTOCOL})),
    ('DATA padded', OPEN + frame(DATA, 1, b'\3abc\0\0\0', PADDED | END_STREAM), Answers(200)),
    ('DATA all padding', OPEN + frame(DATA, 1, b'\3\0\0\0', PADDED | END_STREAM), Answers(200)),
    ('DATA with as much padding as payload', OPEN + frame(DATA, 1, b'\4abc', PADDED), Ends({PROTOCOL})),
    ('DATA without the length of its padding', OPEN + frame(DATA, 1, b'', PADDED), Ends({PROTOCOL, FRAME_SIZE})),
    # 6.2 HEADERS
    ('HEADERS on stream 0', headers(WHOLE, stream=0), Ends({PROTOCOL})),
    ('HEADERS padded', headers(b'\3' + WHOLE + bytes(3), END_HEADERS | END_STREAM | PADDED), Answers(200)),
    ('HEADERS with more padding than payload', headers(b'\xff' + WHOLE[:50], END_HEADERS | END_STREAM | PADDED),
     Ends({PROTOCOL})),
    # 6.3 PRIORITY
    ('PRIORITY on stream 0', frame(PRIORITY, 0, PRIO), Ends({PROTOCOL})),
    ('PRIORITY too short', OPEN + frame(PRIORITY, 1, PRIO[:4]), Either({FRAME_SIZE})),
    # 6.4 RST_STREAM
    ('RST_STREAM on stream 0', reset(0), Ends({PROTOCOL})),
    ('RST_STREAM too short', OPEN + frame(RST_STREAM, 1, b'\0\0\0'), Ends({FRAME_SIZE})),
    ('RST_STREAM with a code that nobody knows', OPEN + reset(1, 0xff), Lives()),
    # 6.5 SETTINGS
    ('SETTINGS on a stream', frame(SETTINGS, 1, b''), Ends({PROTOCOL})),
    ('SETTINGS of 5 bytes', frame(SETTINGS, 0, bytes(5)), Ends({FRAME_SIZE})),
    ('an acknowledgement with a payload', frame(SETTINGS, 0, bytes(6), ACK), Ends({FRAME_SIZE})),
    ('push: 2', settings((2, 2)), Ends({PROTOCOL})),
    ('a window of 2^31', settings((4, 1 << 31)), Ends({FLOW_CONTROL})),
    ('frames of 16383', settings((5, 16383)), Ends({PROTOCOL})),
    ('frames of 2^24', settings((5, 1 << 24)), Ends({PROTOCOL})),
    ('a setting that nobody knows', settings((0x99, 7)) + request(), Answers(200)),
    ('a window that overflows by a setting', OPEN + window(1, (1 << 31) - 1 - 65535) + settings((4, 65536)),
     Either({FLOW_CONTROL})),
    ('no table of fields', settings((1, 0)) + request(), Answers(200)),
    # 6.6 PUSH_PROMISE
    ('PUSH_PROMISE of a client', OPEN + frame(PUSH_PROMISE, 1, struct.pack('>I', 2) + WHOLE, END_HEADERS), Ends({PROTOCOL})),
    # 6.7 PING
    ('PING on a stream', frame(PING, 1, bytes(8)), Ends({PROTOCOL})),
    ('PING of 7 bytes', frame(PING, 0, bytes(7)), Ends({FRAME_SIZE})),
    ('an answer to no PING', frame(PING, 0, bytes(8), ACK), Lives()),
    # 6.8 GOAWAY
    ('GOAWAY on a stream', frame(GOAWAY, 1, bytes(8)), Ends({PROTOCOL})),
    ('GOAWAY too short', frame(GOAWAY, 0, bytes(7)), Ends({FRAME_SIZE})),
    ('GOAWAY, while a stream runs', SLOW + frame(GOAWAY, 0, bytes(8)), AnswersLast(200)),
    # 6.9 WINDOW_UPDATE
    ('WINDOW_UPDATE by 0 for the connection', window(0, 0), Ends({PROTOCOL})),
    ('WINDOW_UPDATE by 0', OPEN + window(1, 0), Either({PROTOCOL})),
    ('WINDOW_UPDATE of 3 bytes', frame(PING + 2, 0, bytes(3)), Ends({FRAME_SIZE})),
    ("the connection's window beyond 2^31", window(0, (1 << 31) - 1), Ends({FLOW_CONTROL})),
    ("a stream's window beyond 2^31", OPEN + window(1, (1 << 31) - 1), Resets({FLOW_CONTROL})),
    ('more DATA than the window', request('POST', '/wait/300', ends=False) + b''.join(data(bytes(16384)) for _ in range(5)),
     Either({FLOW_CONTROL})),
    # 6.10 CONTINUATION
    ('CONTINUATION of nothing', request() + frame(CONTINUATION, 1, WHOLE, END_HEADERS), Ends({PROTOCOL, STREAM_CLOSED})),
    ('CONTINUATION on stream 0', SPLIT + frame(CONTINUATION, 0, WHOLE[20:], END_HEADERS), Ends({PROTOCOL})),
    ('CONTINUATION of another stream', SPLIT + frame(CONTINUATION, 3, WHOLE[20:], END_HEADERS), Ends({PROTOCOL})),
    ('DATA between', SPLIT + data(b'abc'), Ends({PROTOCOL})),
    ('HEADERS between', SPLIT + request(stream=3), Ends({PROTOCOL})),
    ('PING between', SPLIT + frame(PING, 0, bytes(8)), Ends({PROTOCOL})),
    ('a type that nobody knows between', SPLIT + frame(0xee, 1, b''), Ends({PROTOCOL})),
    # 8.1: messages
    ('a body and trailers', trailers(('x-sum', '1')), Answers(200)),
    ('trailers that do not end', trailers(('x-sum', '1'), flags=END_HEADERS), Either({PROTOCOL})),
    ('trailers with a pseudo-field', trailers((':path', '/')), Either({PROTOCOL})),
    ('a length that is right', posted('3', b'ab', b'c'), Answers(200)),
    ('a body longer than declared', posted('2', b'abc'), Either({PROTOCOL})),
    ('a body shorter than declared', posted('4', b'abc'), Either({PROTOCOL})),
    ('a length without a body', more(('content-length', '4')), Either({PROTOCOL})),
    ('two lengths', request('POST', '/count', [('content-length', '3'), ('content-length', '4')], ends=False), Either({PROTOCOL})),
    ('a length that is no number', more(('content-length', '+0')), Either({PROTOCOL})),
    # 8.2: fields
    ('a name with upper case', more(('X-a', 'b')), Either({PROTOCOL})),
    ('a name with a space', more(('x a', 'b')), Either({PROTOCOL})),
    ('a name with a colon', more(('x:a', 'b')), Either({PROTOCOL})),
    ('an empty name', more(('', 'b')), Either({PROTOCOL})),
    ('a value with CR', more(('x', 'a\rb')), Either({PROTOCOL})),
    ('a value with LF', more(('x', 'a\nb')), Either({PROTOCOL})),
    ('a value with NUL', more(('x', 'a\0b')), Either({PROTOCOL})),
    ('connection', more(('connection', 'close')), Either({PROTOCOL})),
    ('keep-alive', more(('keep-alive', '5')), Either({PROTOCOL})),
    ('proxy-connection', more(('proxy-connection', 'close')), Either({PROTOCOL})),
    ('transfer-encoding', more(('transfer-encoding', 'chunked')), Either({PROTOCOL})),
    ('upgrade', more(('upgrade', 'h2c')), Either({PROTOCOL})),
    ('te: trailers', more(('te', 'trailers')), Answers(200)),
    ('te: gzip', more(('te', 'gzip')), Either({PROTOCOL})),
    # 8.3: pseudo-fields
    ('no :method', request(drop=[':method']), Either({PROTOCOL})),
    ('no :scheme', request(drop=[':scheme']), Either({PROTOCOL})),
    ('no :path', request(drop=[':path']), Either({PROTOCOL})),
    ('an empty :path', request(path=''), Either({PROTOCOL})),
    ('a :path without a slash', request(path='hello'), Either({PROTOCOL})),
    ('*, but not for OPTIONS', request(path='*'), Either({PROTOCOL})),
    ('two :method', request(first=[(':method', 'GET')]), Either({PROTOCOL})),
    ('two :path', request(first=[(':path', '/hello')]), Either({PROTOCOL})),
    (':status', request(first=[(':status', '200')]), Either({PROTOCOL})),
    ('a pseudo-field that nobody knows', request(first=[(':hello', '1')]), Either({PROTOCOL})),
    (':protocol', request('CONNECT', first=[(':protocol', 'websocket')]), Either({PROTOCOL})),
    ('a pseudo-field after a field', request(first=[('x', 'y')]), Either({PROTOCOL})),
    ('host instead of :authority', request(drop=[':authority'], more=[('host', 'localhost')]), Answers(200)),
    ('another host than :authority', more(('host', 'elsewhere')), Answers(400)),
    ('neither', request(drop=[':authority']), Either({PROTOCOL})),
    ('a user in :authority', request(drop=[':authority'], first=[(':authority', 'a@b')]), Answers(400)),
    ('CONNECT', request('CONNECT', drop=[':scheme', ':path']), Answers(501)),
    ('CONNECT with a path', request('CONNECT'), Either({PROTOCOL})),
    ('a fragment in :path', request(path='/hello#a'), Answers(400)),
    # Limits
    ('a head over 32 KiB', headers(WHOLE + field('x', 'y' * 16000), END_STREAM)
     + frame(CONTINUATION, 1, field('y', 'z' * 16000) + field('z', 'z' * 300)) + frame(CONTINUATION, 1, field('a', 'z' * 2000), END_HEADERS),
     Answers(431)),
    ('129 fields', request(more=[('x', 'y')] * 129), Answers(431)),
    ('a long path', request(path='/' + 'a' * 9000), Answers(414)),
]

PREFACES = [
    ('a preface with an error', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\rX' + settings()),
    ('a first frame that is not SETTINGS', PREFACE + request()),
    ('SETTINGS that acknowledge as a first frame', PREFACE + frame(SETTINGS, 0, b'', ACK)),
]


def check_row(address, octets, expected):
    """None, or what happened instead."""
    c = Client(address, LIMIT)
    try:
        c.sync(1)
        c.send(octets)
        if isinstance(expected, (Answers, AnswersLast)):
            c.await_end(1)
        alive = c.sync()
        got = f'goaway {c.goaway}, resets {c.resets}, statuses {c.statuses}, {"alive" if alive else "closed"}'
        has_ended = not alive and c.goaway is not None
        ok = {
            Ends: lambda: has_ended and c.goaway in expected,
            Resets: lambda: alive and c.resets.get(1) in expected,
            Either: lambda: has_ended and c.goaway in expected or alive and c.resets.get(1) in expected,
            Answers: lambda: alive and c.statuses.get(1) == expected,
            AnswersLast: lambda: not alive and not c.goaway and c.statuses.get(1) == expected,
            Lives: lambda: alive and c.goaway is None and not c.resets,
        }[type(expected)]()
        return None if ok else got
    finally:
        c.close()


def rules(box):
    with Server(box, options=['--workers', '1', '--timeout', '20s']) as s:
        s.expect('/hello', 200)
        wrong = [f'{name}: {got}' for name, octets, expected in ROWS
                 if (got := check_row((s.host, s.port), octets, expected)) is not None]
        expect(not wrong, f'{len(wrong)} of {len(ROWS)} rows: ' + '; '.join(wrong))
        s.expect('/hello', 200, b'hello, world\n')


def prefaces(box):
    with Server(box) as s:
        for name, octets in PREFACES:
            c = Client((s.host, s.port), LIMIT, octets)
            while c.read():
                pass
            expect(not c.statuses, f'{name}: served')
            c.close()
        s.expect('/hello', 200)


# ---- Floods


def chunks(make, count, each=200):
    for k in range(0, count, each):
        yield b''.join(make(i) for i in range(k, min(k + each, count)))


def resets(k):
    return request(path='/wait/1000', stream=1 + 2 * k) + reset(1 + 2 * k)


def made_resets(k):
    """Streams that the server has to reset, by an error of theirs."""
    return request(path='/wait/1000', stream=1 + 2 * k) + window(1 + 2 * k, 0)


FLOODS = [
    ('rapid resets', 100_000, resets, b''),
    ('resets that the server is made to send', 100_000, made_resets, b''),
    ('PING', 200_000, lambda k: frame(PING, 0, bytes(8)), b''),
    ('SETTINGS', 200_000, lambda k: settings((4, 65535 + k % 2)), b''),
    ('empty DATA', 200_000, lambda k: data(), OPEN),
    ('PRIORITY', 200_000, lambda k: frame(PRIORITY, 3 + 2 * k, PRIO), b''),
    ('WINDOW_UPDATE', 200_000, lambda k: window(0, 1), b''),
    ('CONTINUATION', 200_000, lambda k: frame(CONTINUATION, 1, b''), SPLIT),
    ('CONTINUATION with fields', 20_000, lambda k: frame(CONTINUATION, 1, field(f'x{k}', 'y' * 1000)), SPLIT),
    ('heads that are malformed', 100_000, lambda k: request(drop=[':path'], stream=1 + 2 * k), b''),
]

# What is skipped by its length costs no more than any other byte.
HARMLESS = [
    ('frames that nobody knows', 200_000, lambda k: frame(0xee, 0, b''), b''),
    ('PRIORITY_UPDATE', 200_000, lambda k: frame(0x10, 0, struct.pack('>I', 1) + b'u=1'), b''),
]


def resident_kib(s):
    with open(f'/proc/{s.process.pid}/status') as f:
        return int(next(line for line in f if line.startswith('VmRSS')).split()[1])


def flood(s, count, make, first):
    """The client, until the server has ended its connection or all is said and heard."""
    c = Client((s.host, s.port), LIMIT)
    c.sync(1)
    c.send(first)
    for octets in chunks(make, count):
        c.send(octets)
        if c.closed:
            break
    c.sync()
    c.close()
    return c


def floods(box):
    """Each ends its own connection; memory stays as it is; others are served meanwhile."""
    with Server(box, options=['--workers', '1', '--admin', '127.0.0.1:0']) as s:
        for _ in range(20):
            s.expect('/hello', 200)
        flood(s, *FLOODS[0][1:])
        before = resident_kib(s)
        for name, count, make, first in FLOODS:
            c = flood(s, count, make, first)
            expect(c.closed and c.goaway in (CALM, PROTOCOL, None), f'{name}: goaway {c.goaway}')
            s.expect('/hello', 200, b'hello, world\n')
        for name, count, make, first in HARMLESS:
            c = flood(s, count, make, first)
            expect(not c.closed, f'{name}: goaway {c.goaway}')
        grown = resident_kib(s) - before
        expect(grown < 8 * 1024 or 'Sanitizer' in box_flags(s), f'{grown} KiB more than before')
        expect(s.metric('swell_http2_floods_total') >= 5, 'floods are not counted')


def box_flags(s):
    """A sanitizer keeps freed memory; then nothing is said of the size."""
    with open(f'/proc/{s.process.pid}/maps') as f:
        return 'Sanitizer' if 'asan' in f.read() else ''


def closed_windows(box):
    """Peers that ask for much and never open their windows: their streams end, memory is bounded."""
    with Server(box, options=['--workers', '1', '--write-timeout', '1s', '--admin', '127.0.0.1:0']) as s:
        s.expect('/hello', 200)
        stalled = [Client((s.host, s.port), LIMIT, PREFACE + settings((4, 0))) for _ in range(10)]
        for c in stalled:
            c.send(b''.join(request(path='/big/10000000', stream=1 + 2 * k) for k in range(20)))
        for c in stalled:
            for k in range(20):
                c.await_end(1 + 2 * k)
            expect(len(c.resets) == 20 and set(c.resets.values()) <= {CANCEL}, f'{c.resets}')
            c.close()
        s.expect('/hello', 200, b'hello, world\n')
        s.await_metric('swell_requests_running', 0)


def slow_head(box):
    """A head that never ends is cut, whatever else comes."""
    with Server(box, options=['--head-timeout', '500ms']) as s:
        c = Client((s.host, s.port), LIMIT)
        c.send(SPLIT)
        while c.read():
            pass
        expect(not c.statuses, 'served')


def slow_body(box):
    with Server(box, options=['--body-timeout', '500ms']) as s:
        c = Client((s.host, s.port), LIMIT)
        c.send(OPEN + data(b'a'))
        c.await_end(1)
        expect(c.resets.get(1) == CANCEL or c.statuses.get(1) == 408, f'{c.resets} {c.statuses}')
        expect(c.sync(), 'the connection is gone')


def few_streams(box):
    """--max-streams: told in the settings; beyond it a stream is refused, and may be tried again."""
    with Server(box, options=['--max-streams', '2']) as s:
        c = Client((s.host, s.port), LIMIT)
        # Before the settings are acknowledged it is no error.
        c.send(b''.join(request(path='/wait/300', stream=1 + 2 * k) for k in range(3)))
        for k in range(3):
            c.await_end(1 + 2 * k)
        expect(c.resets == {5: REFUSED} and c.ended == {1, 3}, f'{c.resets} {c.ended}')
        c.send(request(stream=7))
        expect(c.await_end(7), 'not served after a refusal')


def early_answer(box):
    """The rest of a body that the answer did not need may come for a moment; then a reset without an error."""
    with Server(box) as s:
        c = Client((s.host, s.port), LIMIT)
        c.send(request('POST', '/hello', ends=False))
        c.await_end(1)
        expect(c.statuses.get(1) == 200 and not c.resets, f'{c.statuses} {c.resets}')
        for _ in range(20):
            c.send(data(bytes(16384)))
            expect(c.sync() and c.goaway is None, 'a late body ends the connection')
        while 1 not in c.resets and c.read():
            pass
        expect(c.resets.get(1) == NO_ERROR, f'{c.resets}')
        c.send(data(b'abc'))  # was on its way
        expect(c.sync() and c.goaway is None, 'a later body ends the connection')
        c.send(request('POST', '/hello', stream=3, ends=False) + data(bytes(16384), 3) + data(b'', 3, True))
        expect(c.await_end(3) and c.sync() and 3 not in c.resets, 'a body that ends in time is no matter')


CASES = [
    Case('the rules', call=rules),
    Case('prefaces', call=prefaces),
    Case('floods', call=floods),
    Case('closed windows', call=closed_windows),
    Case('a head that never ends', call=slow_head),
    Case('a body that never ends', call=slow_body),
    Case('few streams', call=few_streams),
    Case('an early answer', call=early_answer),
]
