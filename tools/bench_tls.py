"""The part of tools/bench for TLS and HTTP/2: beside nginx with the same certificate, ciphers and client, h2load."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import time

from bench_serve import CONNECTIONS, GUESTS, NGINX, SECONDS, WORK, Server, free_port, run, serving
from common import ToolError, swell

HANDSHAKES = 400
IDLE_CONNECTIONS = 1000
CERT, KEY = WORK / 'tls.pem', WORK / 'tls.key'

# Name, scheme, words for h2load: connections and how many requests each has at a time.
LOADS = [
    ('HTTP/2, cleartext', 'http', ['-c16', '-m32']),
    ('HTTP/2 over TLS', 'https', ['-c16', '-m32']),
    ('HTTP/1.1 over TLS', 'https', ['--h1', f'-c{CONNECTIONS}']),
]


class TlsServer(Server):
    """Ready when it accepts: its first answer would need TLS."""

    def __enter__(self):
        give_up = time.perf_counter() + 30
        while time.perf_counter() < give_up and self.process.poll() is None:
            try:
                socket.create_connection(('127.0.0.1', self.port), 5).close()
                return self
            except OSError:
                time.sleep(0.01)
        self.__exit__()
        raise ToolError('a server with TLS does not answer')


def make_cert():
    run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
         '-subj', '/CN=localhost', '-keyout', KEY, '-out', CERT])


def ours(scheme):
    guest = GUESTS / 'http-hello.component.wasm'
    if scheme == 'http':
        return serving(guest)
    port = free_port()
    return TlsServer([swell(), 'serve', '--listen', f'127.0.0.1:{port}', '--tls-cert', CERT, '--tls-key', KEY, guest], port)


def nginx(scheme):
    port = free_port()
    words = 'http2' if scheme == 'http' else f'ssl http2; ssl_certificate {CERT}; ssl_certificate_key {KEY}'
    text = NGINX.format(cores=os.cpu_count(), work=WORK, port=port)
    text = text.replace('reuseport backlog=1024;', f'reuseport backlog=1024 {words};')
    config = WORK / f'nginx-{scheme}.conf'
    config.write_text(text)
    return TlsServer([shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin'), '-c', config, '-p', WORK], port)


def requests_per_second(server, scheme, words):
    text = run(['h2load', *words, f'-D{SECONDS}', f'{scheme}://127.0.0.1:{server.port}/'])
    if not re.search(r' 0 failed, 0 errored', text):
        raise ToolError(text)
    return float(re.search(r'finished in [^,]+, ([\d.]+) req/s', text).group(1))


def handshakes_per_second(server):
    """Whole ones, a request on each."""
    before = time.perf_counter()
    text = run(['h2load', '--h1', f'-n{HANDSHAKES}', f'-c{HANDSHAKES}', f'https://127.0.0.1:{server.port}/'])
    if f'{HANDSHAKES} succeeded' not in text:
        raise ToolError(text)
    return HANDSHAKES / (time.perf_counter() - before)


def idle_bytes(server):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    before = server.resident_kib()
    held = [context.wrap_socket(socket.create_connection(('127.0.0.1', server.port), 5)) for _ in range(IDLE_CONNECTIONS)]
    time.sleep(0.5)
    each = (server.resident_kib() - before) * 1024 / IDLE_CONNECTIONS
    for s in held:
        s.close()
    return each


def compare(row, name, makers, measure, rounds):
    """The best of the rounds for each; they take turns."""
    best = {}
    for _ in range(rounds):
        for who, make in makers.items():
            with make() as server:
                best[who] = max(best.get(who, 0), measure(server))
    peer = best.get('nginx')
    row(name, best['swell'], 'per s', None, peer and 'nginx', peer, higher=True)


def serve_tls(options, row, missing):
    if not (GUESTS / 'http-hello.component.wasm').exists() or not shutil.which('h2load'):
        missing('h2load (nghttp2-client)')
        return
    try:
        make_cert()
    except (OSError, subprocess.CalledProcessError, ToolError):
        missing('openssl')
        return
    peers = options.peers and shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin')
    rounds = max(2, options.rounds // 2)
    for name, scheme, words in LOADS:
        makers = {'swell': lambda s=scheme: ours(s)}
        if peers:
            makers['nginx'] = lambda s=scheme: nginx(s)
        compare(row, f'serve/{name}', makers, lambda server, s=scheme, w=words: requests_per_second(server, s, w), rounds)
    makers = {'swell': lambda: ours('https')}
    if peers:
        makers['nginx'] = lambda: nginx('https')
    compare(row, 'serve/TLS handshakes', makers, handshakes_per_second, rounds)
    with ours('https') as server:
        row('memory/idle connection with TLS', idle_bytes(server), 'bytes')
