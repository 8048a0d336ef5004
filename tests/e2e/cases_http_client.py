"""Guests that send requests: what is granted, what goes over the wire, what comes back, what fails and how."""
import re
import socket

from harness import Case, expect
from peer import Cut, Peer, Reset, Silence

OK = b'HTTP/1.1 200 OK\r\ncontent-length: 6\r\nx-n: 1\r\n\r\nhello\n'
GOT = '200\nx-n: 1\nhello\n'
BIG = 300000


def fetch(connections, args=(), out='', code=0, path='/', grant='{origin}', err=(), err_not=(), check=None,
          options=()):
    """Runs the guest `fetch` against a peer; {origin} and {port} stand for its."""
    def call(box):
        with Peer(*connections) as peer:
            def fill(text):
                return text.format(origin=peer.origin, port=peer.port)
            grants = [] if grant is None else ['--allow-http', fill(grant)]
            result = box.run(['run', *grants, *options, box.guest('http-fetch.component'), *args,
                              path if path.startswith('http') else peer.origin + path])
            expect(result.returncode == code, f'exit code {result.returncode}, not {code}', result)
            wanted = out.pattern if isinstance(out, re.Pattern) else fill(out)
            same = out.search(result.text) if isinstance(out, re.Pattern) else result.text == wanted
            expect(same, f'stdout is not {wanted!r}', result)
            for fragment in err:
                expect(fill(fragment) in result.talk, f'stderr lacks {fragment!r}', result)
            for fragment in err_not:
                expect(fragment not in result.talk, f'stderr has {fragment!r}', result)
            if check:
                check(peer)
    return call


def one_request(head, body=b''):
    """Exactly one request came, with these lines and no others, in any order but the first."""
    def check(peer):
        expect(len(peer.requests) == 1, f'{len(peer.requests)} requests')
        lines = peer.requests[0][1].split('\r\n')
        wanted = [line.format(port=peer.port) for line in head]
        expect(lines[0] == wanted[0] and sorted(lines) == sorted(wanted), f'the head is {lines}')
        expect(peer.requests[0][2] == body, f'the body is {peer.requests[0][2][:80]}')
    return check


def on_connections(*numbers):
    def check(peer):
        found = [request[0] for request in peer.requests]
        expect(found == list(numbers), f'requests came on connections {found}')
    return check


def chunked(*pieces):
    return b''.join(b'%x\r\n%s\r\n' % (len(piece), piece) for piece in pieces) + b'0\r\n\r\n'


def answer(head, body=b''):
    return b'HTTP/1.1 ' + head + b'\r\n\r\n' + body


def fails(name, answers, error, args=(), code=1):
    return Case(name, call=fetch([answers], args=args, out=f'error: {error}\n', code=code))


def cut_body(name, answers, out):
    return Case(name, call=fetch([answers], out=out, code=1))


def two_names(box):
    """A connection that is kept for one host is not used for another, though it is the same machine."""
    with Peer([OK], [OK]) as peer:
        for host in 'localhost', '127.0.0.1':
            result = box.run(['run', '--allow-http', f'http://{host}:{peer.port}',
                              box.guest('http-fetch.component'), f'http://{host}:{peer.port}/'])
            expect(result.text == GOT, 'another answer', result)
        hosts = [re.search(r'host: (.*)', head).group(1).strip() for _, head, _ in peer.requests]
        expect(hosts == [f'localhost:{peer.port}', f'127.0.0.1:{peer.port}'], f'hosts are {hosts}')


def nobody_listens(box):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        port = listener.getsockname()[1]
    result = box.run(['run', '--allow-http', f'http://127.0.0.1:{port}', box.guest('http-fetch.component'),
                      f'http://127.0.0.1:{port}/'])
    expect(result.text == 'error: connection-refused\n', 'another error', result)


def denied(name, grant, path, out, err):
    return Case(name, call=fetch([[OK]], grant=grant, path=path, out=f'error: {out}\n', code=1, err=[err],
                                 check=lambda peer: expect(peer.requests == [], 'a request was sent')))


CASES = [
    Case('a request and its response', call=fetch(
        [[OK]], out=GOT, path='/a?b=c',
        check=one_request(['GET /a?b=c HTTP/1.1', 'host: 127.0.0.1:{port}', 'user-agent: fetch']))),
    Case('no path', call=fetch(
        [[OK]], out=GOT, path='',
        check=one_request(['GET / HTTP/1.1', 'host: 127.0.0.1:{port}', 'user-agent: fetch']))),
    Case('a body of known length', call=fetch(
        [[OK]], args=['-m', 'POST', '-b', 'abc'], out=GOT,
        check=one_request(['POST / HTTP/1.1', 'host: 127.0.0.1:{port}', 'user-agent: fetch',
                           'content-length: 3'], b'abc'))),
    Case('an empty POST says so', call=fetch(
        [[OK]], args=['-m', 'POST'], out=GOT,
        check=one_request(['POST / HTTP/1.1', 'host: 127.0.0.1:{port}', 'user-agent: fetch',
                           'content-length: 0']))),
    Case('another method', call=fetch(
        [[OK]], args=['-m', 'PURGE'], out=GOT,
        check=one_request(['PURGE / HTTP/1.1', 'host: 127.0.0.1:{port}', 'user-agent: fetch']))),
    Case('HEAD', call=fetch([[answer(b'200 OK\r\ncontent-length: 100')]], args=['-m', 'HEAD'], out='200\n')),
    Case('chunks', call=fetch(
        [[answer(b'200 OK\r\ntransfer-encoding: chunked', chunked(b'hel', b'lo\n'))]], out='200\nhello\n')),
    Case('a body until the end of the connection', call=fetch(
        [[answer(b'200 OK', b'hello\n')]], out='200\nhello\n')),
    Case('HTTP/1.0', call=fetch([[b'HTTP/1.0 200 OK\r\n\r\nold\n']], out='200\nold\n')),
    Case('no body', call=fetch([[answer(b'204 No Content')]], out='204\n')),
    Case('announcements before the response', call=fetch(
        [[b'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n' + OK]], out=GOT)),
    Case('byte by byte', call=fetch([[[OK[i:i + 1] for i in range(len(OK))]]], out=GOT)),
    Case('fields of the connection are the host\'s', call=fetch(
        [[answer(b'200 OK\r\ncontent-length: 0\r\nkeep-alive: x\r\nconnection: close\r\nx-a: b')]],
        out='200\nx-a: b\n')),
    Case('a large body', call=fetch(
        [[answer(b'200 OK\r\ncontent-length: %d' % BIG, b'x' * BIG)]], args=['-q'],
        out=f'200\n{BIG} bytes\n')),
    Case('a large body in chunks', call=fetch(
        [[answer(b'200 OK\r\ntransfer-encoding: chunked', chunked(*[b'x' * 1000] * 300))]], args=['-q'],
        out=f'200\n{BIG} bytes\n')),
    Case('a long response field', call=fetch(
        [[answer(b'200 OK\r\ncontent-length: 0\r\nx-long: ' + b'a' * 20000)]],
        out=re.compile('^200\nx-long: a{20000}\n$'))),

    Case('connections are kept', call=fetch([[OK, OK, OK]], args=['-n', '3'], out=GOT * 3,
                                            check=on_connections(0, 0, 0))),
    Case('after chunks, too', call=fetch(
        [[answer(b'200 OK\r\ntransfer-encoding: chunked', chunked(b'a\n'))] * 2], args=['-n', '2'],
        out='200\na\n' * 2, check=on_connections(0, 0))),
    Case('but not when the server says so', call=fetch(
        [[answer(b'200 OK\r\ncontent-length: 2\r\nconnection: close', b'a\n')]] * 2, args=['-n', '2'],
        out='200\na\n' * 2, check=on_connections(0, 1))),
    Case('a kept connection that has gone', call=fetch([[OK], [OK]], args=['-n', '2'], out=GOT * 2,
                                                      check=on_connections(0, 1))),
    Case('a kept connection that goes when it is used', call=fetch(
        [[OK, Cut], [OK]], args=['-n', '2'], out=GOT * 2, check=on_connections(0, 0, 1))),
    Case('what is not repeated', call=fetch(
        [[OK, Cut], [OK]], args=['-n', '2', '-m', 'POST', '-b', 'x'],
        out=GOT + 'error: connection-terminated\n', code=1, check=on_connections(0, 0))),
    Case('bytes behind the response end the connection', call=fetch(
        [[OK + b'HTTP/1.1 200 OK\r\n\r\n'], [OK]], args=['-n', '2'], out=GOT * 2,
        check=on_connections(0, 1))),
    Case('hosts do not share connections', call=two_names),

    fails('no response', [Cut], 'connection-terminated'),
    fails('a reset', [Reset], 'connection-terminated'),
    fails('half a head', [[b'HTTP/1.1 200 OK\r\nx: y\r\n']], 'HTTP-response-incomplete'),
    fails('no HTTP', [b'SSH-2.0-OpenSSH_9.2\r\n\r\n'], 'HTTP-protocol-error'),
    fails('two lengths', [answer(b'200 OK\r\ncontent-length: 1\r\ncontent-length: 2', b'ab')],
          'HTTP-protocol-error'),
    fails('a length and chunks', [answer(b'200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked', b'a')],
          'HTTP-protocol-error'),
    fails('a folded field', [answer(b'200 OK\r\nx: a\r\n b\r\ncontent-length: 0')], 'HTTP-protocol-error'),
    fails('switching protocols', [answer(b'101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade')],
          'HTTP-upgrade-failed'),
    fails('a head that is too long', [answer(b'200 OK\r\nx: ' + b'a' * 100000)],
          'HTTP-response-header-section-size'),
    fails('no head in time', [Silence], 'connection-read-timeout', args=['-f', '200']),
    Case('nobody listens', call=nobody_listens),
    cut_body('half a body', [answer(b'200 OK\r\ncontent-length: 10', b'half\n')],
             re.compile('^200\n(half\n)?body: HTTP-response-incomplete\n$')),
    cut_body('half of the chunks', [answer(b'200 OK\r\ntransfer-encoding: chunked', b'5\r\nhalf\n\r\n')],
             re.compile('^200\n(half\n)?body: HTTP-response-incomplete\n$')),
    cut_body('a bad chunk', [answer(b'200 OK\r\ntransfer-encoding: chunked', b'5\r\nhalf\n\r\nxx\r\n')],
             re.compile('^200\n(half\n)?body: HTTP-protocol-error\n$')),
    Case('a body that stops', call=fetch(
        [[[answer(b'200 OK\r\ncontent-length: 10', b'half\n'), Silence]]], args=['-g', '200'],
        out='200\nhalf\nbody: connection-read-timeout\n', code=1)),
    Case('a body with pauses', call=fetch(
        [[[answer(b'200 OK\r\ncontent-length: 6', b'he'), 0.1, b'll', 0.1, b'o\n']]], args=['-g', '5000'],
        out='200\nhello\n')),
    Case('the store\'s time is over', call=fetch(
        [[Silence]], code=124, options=['--timeout', '300ms'], err=['the time limit is over'])),

    denied('nothing is granted', None, '/', 'HTTP-request-denied',
           "denied: request to '{origin}/'\n  grant it with: --allow-http '{origin}'\n"),
    denied('another port is granted', 'http://127.0.0.1:1', '/', 'HTTP-request-denied',
           "--allow-http '{origin}'"),
    denied('another scheme is granted', 'https://127.0.0.1:{port}', '/', 'HTTP-request-denied',
           "--allow-http '{origin}'"),
    denied('another path is granted', '{origin}/v1/*', '/v2/x', 'HTTP-request-denied', "/v2/x'"),
    denied('a way round the path', '{origin}/v1/*', '/v1/../v2', 'HTTP-request-denied', "/v1/../v2'"),
    denied('every name is no address', '*:*', '/', 'destination-IP-prohibited',
           "which is at 127.0.0.1, a loopback address\n  grant it with: --allow-http '{origin}'"),
    Case('the path that is granted', call=fetch([[OK]], grant='{origin}/v1/*', path='/v1/x', out=GOT)),
    Case('a network that is granted', call=fetch([[OK]], grant='http://[127.0.0.0/8]:*', out=GOT)),
    Case('a name that does not exist', call=fetch(
        [], grant='http://no-such-name.invalid', path='http://no-such-name.invalid/',
        out=re.compile('^error: DNS-(error|timeout)\n$'), code=1, err_not=['denied'])),
    Case('a malformed pattern', 'hello', options=['--allow-http', 'ftp://x'], code=2,
         err=["HTTP grant 'ftp://x': expected [http[s]://]HOST[:PORT][/PATH]"], kinds=('component',)),
]
