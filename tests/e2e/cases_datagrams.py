"""Datagrams and names: a guest and a peer of Python's on loopback, and a resolver that knows what a case says."""
import os
import socket
import subprocess
import threading
from pathlib import Path

from harness import Case, LIMIT_SECONDS, Skip, expect, swell
from peer import Peer

GUEST = 'http-datagrams'

STATES = '''finish-bind: not-in-progress
stream: invalid-state
local-address: invalid-state
remote-address: invalid-state
hop limit 0: invalid-argument
receive buffer 0: invalid-argument
send buffer 0: invalid-argument
bind to the other family: invalid-argument
bind while binding: concurrency-conflict
bind twice: invalid-state
stream to port 0: invalid-argument
stream to nowhere: invalid-argument
stream to the other family: invalid-argument
stream to what is not granted: access-denied
send: invalid-argument
send: invalid-argument
remote port 9
send: invalid-argument
of old streams
check-send: invalid-state
receive: invalid-state
'''


class UdpEcho:
    """Sends back what it gets; before that, if it is told to, the same from another port."""

    def __init__(self, has_stranger=False):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if has_stranger else None
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(65536)
            except OSError:
                return
            if data == b'stop':
                return
            if self.stranger:
                self.stranger.sendto(b'from a stranger', peer)
            self.socket.sendto(data, peer)

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b'stop', ('127.0.0.1', self.port))


def talk(grants, words, code, out, err=(), has_stranger=False):
    """Runs the guest against the echo; {port} stands for its port."""
    def check(box):
        with UdpEcho(has_stranger) as peer:
            def fill(parts):
                return [str(part).replace('{port}', str(peer.port)) for part in parts]
            result = box.run(['run', *fill(grants), box.guest(GUEST + '.component'), *fill(words)])
            expect(result.returncode == code and result.text == out, f'not {code} and {out!r}', result)
            for fragment in fill(err):
                expect(fragment in result.talk, f'stderr lacks {fragment!r}', result)
    return check


def serve(box):
    """The guest is bound where it may listen: it hears whoever sends, and answers without another grant."""
    process = box.start(['run', '--allow-listen', '127.0.0.1:0', box.guest(GUEST + '.component'), 'serve', '0', '40'])
    try:
        port = int(process.stdout.readline())
        for number in range(4):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.settimeout(LIMIT_SECONDS)
                for text in [b'', b'x', bytes(60000), *[b'%d' % i for i in range(7)]]:
                    peer.sendto(text, ('127.0.0.1', port))
                    expect(peer.recv(65536) == text, f'not what was sent, by peer {number}')
        expect(process.wait(LIMIT_SECONDS) == 0, 'the guest failed')
    except subprocess.TimeoutExpired:
        expect(False, 'the guest goes on')
    finally:
        process.kill()
        process.communicate()


def nobody_is_there(box):
    """That a port is closed comes back to a socket with a remote address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(('127.0.0.1', 0))
        port = gone.getsockname()[1]
    result = box.run(['run', '--allow-udp', '127.0.0.1:*', box.guest(GUEST + '.component'), 'connect', str(port), 'x'])
    expect(result.returncode == 1 and result.text == 'receive: connection-refused\n', 'another end', result)


# ---- Names ----

def with_names(box, names):
    shim = Path(os.environ.get('SWELL_NAMES_SHIM', swell().parent / 'tests' / 'e2e' / 'libnames_shim.so'))
    if not shim.exists():
        raise Skip(f'{shim.name} is not built')
    return {'LD_PRELOAD': str(shim), 'NAMES_SHIM': names, 'NAMES_SHIM_LOG': str(box.path / 'asked')}


def asked(box):
    path = box.path / 'asked'
    return path.read_text().split() if path.exists() else []


NAMES = ('open.test=93.184.216.34,2606:2800:220:1::1 loop.test=127.0.0.1 private.test=10.1.2.3 '
         'mapped.test=::ffff:127.0.0.1 localhost=6.6.6.6')


def look_up(grants, names, code, out, err=(), questions=None):
    def check(box):
        result = box.run(['run', *grants, box.guest(GUEST + '.component'), 'resolve', *names],
                         env=with_names(box, NAMES))
        expect(result.returncode == code and result.text == out, f'not {code} and {out!r}', result)
        for fragment in err:
            expect(fragment in result.talk, f'stderr lacks {fragment!r}', result)
        wanted = names if questions is None else questions
        expect(asked(box) == wanted, f'the resolver was asked for {asked(box)}')
    return check


def fetch_by_name(grants, host, code, out, err=(), count=1):
    """A request to a host whose name the case's resolver knows; {port} is the server's."""
    ok = b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\na\n'

    def check(box):
        with Peer(*[[ok]] * count) as peer:
            def fill(text):
                return text.replace('{port}', str(peer.port))
            result = box.run(['run', *map(fill, grants), box.guest('http-fetch.component'), '-n', str(count),
                              fill(f'http://{host}:{{port}}/')], env=with_names(box, NAMES))
            expect(result.returncode == code and result.text == fill(out), f'not {code} and {out!r}', result)
            for fragment in err:
                expect(fill(fragment) in result.talk, f'stderr lacks {fill(fragment)!r}', result)
            expect(asked(box) == [host], f'the resolver was asked for {asked(box)}')
            expect(len(peer.requests) == (count if code == 0 else 0), f'{len(peer.requests)} requests came')
    return check


def denied_to(address, words):
    """No grant for all opens such an address."""
    return Case(f'all public addresses are not {address}',
                call=talk(['--allow-udp', '*:*'], ['to', address, '7', 'x'], 1, 'send: access-denied\n',
                          [f'send to {address}:7, {words} address', f"--allow-udp '{address}:7'"]))


CASES = [
    Case('without a remote address', call=talk(['--allow-udp', '127.0.0.1:{port}'], ['send', '{port}', 'a', '', 'bc'],
                                               0, 'a\n\nbc\n')),
    Case('with one', call=talk(['--allow-udp', '127.0.0.1:{port}'], ['connect', '{port}', 'a', '', 'bc'],
                               0, 'a\n\nbc\n')),
    Case('by a network', call=talk(['--allow-udp', '[127.0.0.0/8]:*'], ['send', '{port}', 'x'], 0, 'x\n')),
    Case('by localhost', call=talk(['--allow-udp', 'localhost:{port}'], ['send', '{port}', 'x'], 0, 'x\n')),
    Case('what others send is not heard', call=talk(['--allow-udp', '127.0.0.1:{port}'],
                                                    ['send', '{port}', 'a', 'b'], 0, 'a\nb\n', has_stranger=True)),
    Case('nor by streams with a remote address', call=talk(['--allow-udp', '127.0.0.1:{port}'],
                                                           ['connect', '{port}', 'a', 'b'], 0, 'a\nb\n',
                                                           has_stranger=True)),
    Case('streams made again', call=talk(['--allow-udp', '127.0.0.1:{port}'], ['again', '{port}', 'x'], 0,
                                         'x from the same port\n' * 4)),
    Case('no grant', call=talk([], ['send', '{port}', 'x'], 1, 'send: access-denied\n',
                               ['send to 127.0.0.1:{port}, a loopback address', "--allow-udp '127.0.0.1:{port}'"])),
    Case('no grant for streams', call=talk([], ['connect', '{port}', 'x'], 1, 'stream: access-denied\n',
                                           ["--allow-udp '127.0.0.1:{port}'"])),
    Case('a grant for TCP is none for UDP', call=talk(['--allow-tcp', '127.0.0.1:*'], ['send', '{port}', 'x'], 1,
                                                      'send: access-denied\n', ['--allow-udp'])),
    denied_to('127.0.0.1', 'a loopback'),
    denied_to('169.254.169.254', 'a link-local'),
    denied_to('10.0.0.1', 'a private'),
    denied_to('0.1.2.3', 'a special'),
    denied_to('224.0.0.251', 'a special'),
    denied_to('255.255.255.255', 'a special'),
    Case('broadcasts stay closed', call=talk(['--allow-udp', '255.255.255.255:*'], ['to', '255.255.255.255', '7', 'x'],
                                             1, 'send: access-denied\n')),
    Case('a server', call=serve),
    Case('a server without a grant', call=talk([], ['serve', '0', '1'], 1, 'bind: access-denied\n',
                                               ["--allow-listen '127.0.0.1:0'"])),
    Case('nobody is there', call=nobody_is_there),
    Case('operations in the wrong order', GUEST, ['states'], ['--allow-udp', '127.0.0.1:9'], kinds=('component',),
         out=STATES),
    Case('options of sockets', GUEST, ['buffers'], kinds=('component',), out='20000\nlarge\n7\n'),
    Case('sending without asking', GUEST, ['trap'], ['--allow-udp', '127.0.0.1:9'], kinds=('component',), code=134,
         err=['send of 1 datagrams where check-send permitted 0']),
    Case('a flood in one call', GUEST, ['flood'], kinds=('component',), code=134, err=['one call passes more than']),
    Case('too many sockets', GUEST, ['many', '300'], kinds=('component',), code=1,
         out='256 sockets\ncreate: new-socket-limit\n'),
    Case('too many lookups at once', GUEST, ['lookups', '100'], ['--allow-dns', '*'], kinds=('component',), code=1,
         out='16 lookups\nresolve: temporary-resolver-failure\n'),

    Case('names that are granted', call=look_up(['--allow-dns', '*.test'], ['open.test', 'loop.test'], 0,
                                                '93.184.216.34 version 6 \n127.0.0.1 \n')),
    Case('in any case', call=look_up(['--allow-dns', 'loop.test'], ['LOOP.test'], 0, '127.0.0.1 \n',
                                     questions=['loop.test'])),
    Case('a question is asked once', call=look_up(['--allow-dns', '*'], ['loop.test'] * 3, 0, '127.0.0.1 \n' * 3,
                                                  questions=['loop.test'])),
    Case('that there is none, too', call=look_up(['--allow-dns', '*'], ['none.test'] * 3, 1,
                                                 'next: name-unresolvable\n' * 3, questions=['none.test'])),
    Case('no answer', call=look_up(['--allow-dns', '*'], ['again.test'], 1, 'next: temporary-resolver-failure\n')),
    Case('addresses of version 4 in disguise', call=look_up(['--allow-dns', '*'], ['mapped.test'], 0, '127.0.0.1 \n')),
    Case('a grant for a connection lets its name be looked up',
         call=look_up(['--allow-tcp', 'loop.test:80'], ['loop.test'], 0, '127.0.0.1 \n')),
    Case('localhost and literals are asked of nobody',
         call=look_up([], ['localhost', 'a.localhost', '1.2.3.4', '::1'], 0,
                      '127.0.0.1 version 6 \n' * 2 + '1.2.3.4 \nversion 6 \n', questions=[])),
    Case('other names', call=look_up(['--allow-dns', 'open.test'], ['loop.test'], 1, 'resolve: access-denied\n',
                                     ["look up 'loop.test'", "--allow-dns 'loop.test'"], questions=[])),
    Case('what is no name', call=look_up(['--allow-dns', '*'], ['a..b', '', 'a b', 'a/b', 'x' * 254], 1,
                                         'resolve: invalid-argument\n' * 5, questions=[])),
    Case('a malformed grant for names', GUEST, ['states'], ['--allow-dns', '10.0.0.1'], kinds=('component',), code=2,
         out='', err=["name grant '10.0.0.1': expected NAME, *.NAME or *"]),
    Case('a malformed grant for datagrams', GUEST, ['states'], ['--allow-udp', 'a.test:0'], kinds=('component',),
         code=2, out='', err=["UDP grant 'a.test:0': expected HOST:PORT"]),

    Case('a name that leads inside', call=fetch_by_name(
        ['--allow-http', 'http://loop.test:{port}'], 'loop.test', 1, 'error: destination-IP-prohibited\n',
        ["request to 'loop.test', which is at 127.0.0.1, a loopback address",
         "--allow-http 'http://127.0.0.1:{port}'"])),
    Case('a name that leads inside in disguise', call=fetch_by_name(
        ['--allow-http', 'http://*:*'], 'mapped.test', 1, 'error: destination-IP-prohibited\n', ['a loopback address'])),
    Case('a name and its address are granted', call=fetch_by_name(
        ['--allow-http', 'http://loop.test:{port}', '--allow-http', 'http://127.0.0.1:{port}'], 'loop.test', 0,
        '200\na\n')),
    Case('names of requests are asked for once', call=fetch_by_name(
        ['--allow-http', 'http://loop.test:{port}', '--allow-http', 'http://127.0.0.1:{port}'], 'loop.test', 0,
        '200\na\n' * 3, count=3)),
]
