"""Sockets: a guest and a peer of Python's on loopback, under grants and without."""
import re
import socket
import subprocess
import threading

from harness import Case, LIMIT_SECONDS, expect

GUEST = 'http-sockets'

STATES = '''finish-bind: not-in-progress
finish-listen: not-in-progress
finish-connect: not-in-progress
listen unbound: invalid-state
accept: invalid-state
local-address: invalid-state
remote-address: invalid-state
shutdown: invalid-state
backlog 0: invalid-argument
hop limit 0: invalid-argument
bind to multicast: invalid-argument
bind to the other family: invalid-argument
connect to port 0: invalid-argument
connect to nowhere: invalid-argument
bind while binding: concurrency-conflict
connect while binding: concurrency-conflict
bind twice: invalid-state
listen anywhere: access-denied
'''


class Echo:
    """A server that sends back what it gets, to one peer after the other."""

    def __enter__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                while data := peer.recv(65536):
                    peer.sendall(data)

    def __exit__(self, *_):
        self.listener.close()


def echo(grant, words, code, out, *talk):
    """Runs the guest against an echo server; {port} stands for its port."""
    def check(box):
        with Echo() as server:
            fill = [str(word).replace('{port}', str(server.port)) for word in (*grant, *talk)]
            options, talked = fill[:len(grant)], fill[len(grant):]
            verb, *rest = words
            result = box.run(['run', *options, box.guest(GUEST + '.component'), verb, server.port, *rest])
            expect(result.returncode == code and result.text == out, f'not {code} and {out!r}', result)
            for fragment in talked:
                expect(fragment in result.talk, f'stderr lacks {fragment!r}', result)
    return check


def exchange(port, text):
    with socket.create_connection(('127.0.0.1', port), LIMIT_SECONDS) as peer:
        peer.sendall(text)
        peer.shutdown(socket.SHUT_WR)
        got = b''
        while data := peer.recv(65536):
            got += data
    return got


def serve(box):
    """The guest listens; it serves as many peers as it was told to."""
    process = box.start(['run', '--allow-listen', '127.0.0.1:0', box.guest(GUEST + '.component'), 'serve', '0', '3'])
    try:
        port = int(process.stdout.readline())
        for text in (b'', b'hello', bytes(100000)):
            got = exchange(port, text)
            expect(got == text, f'{len(got)} bytes came back, not {len(text)}')
        expect(process.wait(LIMIT_SECONDS) == 0, 'the guest failed')
    except subprocess.TimeoutExpired:
        expect(False, 'the guest goes on')
    finally:
        process.kill()
        process.communicate()


DENIED = 'connect: access-denied\n'

CASES = [
    Case('a client', call=echo(['--allow-tcp', '127.0.0.1:{port}'], ['connect', 'hello,', ' world'], 0,
                               'hello, world\n')),
    Case('a client by a network', call=echo(['--allow-tcp', '[127.0.0.0/8]:*'], ['connect', 'x'], 0, 'x\n')),
    Case('a client by localhost', call=echo(['--allow-tcp', 'localhost:*'], ['connect', 'x'], 0, 'x\n')),
    Case('much, in both directions at once', call=echo(['--allow-tcp', '127.0.0.1:*'], ['bulk', '8000'], 0,
                                                       '8192000 bytes\n')),
    Case('no grant', call=echo([], ['connect', 'x'], 1, DENIED, 'connect to 127.0.0.1:{port}, a loopback',
                               "--allow-tcp '127.0.0.1:{port}'")),
    Case('all names and public addresses do not open loopback',
         call=echo(['--allow-tcp', '*:*'], ['connect', 'x'], 1, DENIED, "--allow-tcp '127.0.0.1:{port}'")),
    Case('another port', call=echo(['--allow-tcp', '127.0.0.1:1'], ['connect', 'x'], 1, DENIED, '--allow-tcp')),
    Case('a time limit while waiting', GUEST, ['serve', '0', '1'],
         ['--allow-listen', '127.0.0.1:*', '--timeout', '200ms'], kinds=('component',), code=124,
         out=re.compile(r'^\d+\n$'), err=['the time limit is over']),
    Case('a server', call=serve),
    Case('a server without a grant', GUEST, ['serve', '0', '1'], kinds=('component',), code=1,
         out='bind: access-denied\n', err=["--allow-listen '127.0.0.1:0'"]),
    Case('operations in the wrong order', GUEST, ['states'], kinds=('component',), out=STATES),
    Case('a malformed grant', GUEST, ['states'], ['--allow-tcp', 'localhost'], kinds=('component',), code=2, out='',
         err=["TCP grant 'localhost': expected HOST:PORT"]),
]
