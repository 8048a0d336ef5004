"""`swell serve` over TLS and HTTP/2, with the clients that people have: curl, nghttp, h2load, Python's ssl."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

from cases_serve import LIMIT, Server
from harness import Case, Skip, expect

CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f'no {program}')


def call(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, timeout=LIMIT, **more)


def make_certs(box):
    """ca; local (localhost), other (other.example): servers; alice: a client; stranger: one of nobody's."""
    need('openssl', 'curl')

    def request(name, subject, *words):
        result = call('openssl', 'req', '-x509', *CURVE, '-subj', f'/CN={subject}', '-keyout', box.path / f'{name}.key',
                      '-out', box.path / f'{name}.pem', *words)
        expect(result.returncode == 0, f'openssl: {result.stderr}')

    def issued(name, alternatives=None):
        request(name, name, '-CA', box.path / 'ca.pem', '-CAkey', box.path / 'ca.key', '-addext',
                'basicConstraints=critical,CA:FALSE',
                *(['-addext', f'subjectAltName={alternatives}'] if alternatives else []))

    request('ca', 'issuer')
    issued('local', 'DNS:localhost,IP:127.0.0.1')
    issued('other', 'DNS:other.example')
    issued('alice')
    request('stranger', 'stranger')


def cert(box, name):
    return ['--tls-cert', box.path / f'{name}.pem', '--tls-key', box.path / f'{name}.key']


def tls_server(box, *options, **more):
    make_certs(box)
    return Server(box, options=[str(word) for word in [*cert(box, 'local'), *options]], **more)


def curl(box, s, path, *words, host='localhost'):
    return call('curl', '-sS', '-m', LIMIT, '--cacert', box.path / 'ca.pem', '--resolve', f'{host}:{s.port}:127.0.0.1',
                *words, f'https://{host}:{s.port}{path}')


def expect_answer(result, body, s):
    expect(result.returncode == 0 and result.stdout == body,
           f'{result.returncode}: {result.stdout[:200]} {result.stderr[:500]}; log: {s.log()}')


def both_versions(box):
    """ALPN decides; bodies of some megabytes go both ways through either."""
    big = os.urandom(5_000_000)
    (box.path / 'big').write_bytes(big)
    with tls_server(box) as s:
        expect(s.first.startswith('serving https://'), f'the first line: {s.first}')
        for version, words in (('2', ['--http2']), ('1.1', ['--http1.1'])):
            expect_answer(curl(box, s, '/hello', *words, '-w', '%{http_version}'),
                          b'hello, world\n' + version.encode(), s)
            expect_answer(curl(box, s, '/echo', *words, '--data-binary', f'@{box.path}/big'), big, s)
            expect(len(curl(box, s, '/big/3000000', *words).stdout) == 3_000_000, 'a large answer')
        expect(curl(box, s, '/status/404', '-o', '/dev/null', '-w', '%{http_code}').stdout == b'404', 'status')


def trailers(box):
    """The guest's trailers arrive, after the body."""
    with tls_server(box) as s:
        result = curl(box, s, '/trailers', '--http2', '-D', '-')
        expect(b'x-sum: ' in result.stdout.split(b'\r\n\r\n', 1)[1], f'{result}')


def names(box):
    """The name that is asked for chooses the certificate; without one of ours it is the first."""
    with tls_server(box, *cert(box, 'other')) as s:
        expect_answer(curl(box, s, '/hello'), b'hello, world\n', s)
        expect_answer(curl(box, s, '/hello', host='other.example'), b'hello, world\n', s)
        expect(curl(box, s, '/hello', host='third.example').returncode == 60, 'a name without a certificate')


def clients(box):
    """Clients' certificates: asked for, verified, required or not."""
    make_certs(box)
    shown = {name: ['--cert', box.path / f'{name}.pem', '--key', box.path / f'{name}.key']
             for name in ('alice', 'stranger')}
    shown[None] = []
    for which, name, gets_in in (('must', 'alice', True), ('must', None, False), ('must', 'stranger', False),
                                 ('may', None, True), ('may', 'alice', True), ('may', 'stranger', False)):
        with tls_server(box, '--tls-client-ca', box.path / 'ca.pem', '--tls-client', which) as s:
            # The certificates are made anew for each server.
            result = curl(box, s, '/hello', *shown[name])
            expect((result.returncode == 0) == gets_in, f'{which}, {name}: {result}')


def subject(box, s):
    context = ssl.create_default_context(cafile=str(box.path / 'ca.pem'))
    with socket.create_connection((s.host, s.port), LIMIT) as c:
        with context.wrap_socket(c, server_hostname='localhost') as t:
            return dict(x[0] for x in t.getpeercert()['subject'])['commonName']


def renewed(box):
    """SIGHUP reads certificates again; a connection from before goes on; a bad file changes nothing."""
    with tls_server(box) as s:
        context = ssl.create_default_context(cafile=str(box.path / 'ca.pem'))
        old = context.wrap_socket(s.connect(), server_hostname='localhost')
        expect(subject(box, s) == 'local', 'subject')
        result = call('openssl', 'req', '-x509', *CURVE, '-subj', '/CN=renewed', '-addext', 'subjectAltName=DNS:localhost',
                      '-CA', box.path / 'ca.pem', '-CAkey', box.path / 'ca.key', '-keyout', box.path / 'local.key',
                      '-out', box.path / 'local.pem')
        expect(result.returncode == 0, f'{result}')
        s.process.send_signal(signal.SIGHUP)
        s.await_log('reloaded')
        expect(subject(box, s) == 'renewed', 'the old certificate is still shown')
        old.sendall(b'GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n')
        expect(old.recv(1000).startswith(b'HTTP/1.1 200'), 'a connection from before')
        (box.path / 'local.key').write_text('nonsense')
        s.process.send_signal(signal.SIGHUP)
        s.await_log('still served')
        expect(subject(box, s) == 'renewed', 'after a bad key')


def old_protocols(box):
    with tls_server(box) as s:
        result = curl(box, s, '/hello', '--tls-max', '1.1', '--ciphers', 'DEFAULT:@SECLEVEL=0')
        expect(result.returncode == 35, f'TLS 1.1: {result}')
        expect_answer(curl(box, s, '/hello', '--tls-max', '1.2'), b'hello, world\n', s)
        result = call('curl', '-s', f'http://127.0.0.1:{s.port}/hello')
        expect(result.returncode != 0, f'cleartext on a TLS port: {result}')
        expect_answer(curl(box, s, '/hello'), b'hello, world\n', s)


def drained(box):
    """Streams that run when the server is told to stop are answered."""
    s = tls_server(box)
    results = []
    threads = [threading.Thread(target=lambda: results.append(curl(box, s, '/wait/900', '--http2'))) for _ in range(3)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    s.process.send_signal(signal.SIGTERM)
    for t in threads:
        t.join()
    expect(all(r.returncode == 0 for r in results), f'{results}; log: {s.log()}')
    expect(s.process.wait(LIMIT) == 0, 'exit code')


def loaded(box):
    """Many streams on a few connections, none fails; bodies and trailers. By prior knowledge and over TLS."""
    need('h2load', 'nghttp')
    for scheme in ('https', 'http'):
        with tls_server(box) if scheme == 'https' else Server(box) as s:
            url = f'{scheme}://localhost:{s.port}/hello'
            result = call('h2load', '-n', '2000', '-c', '4', '-m', '50', url)
            expect(re.search(rb'2000 succeeded, 0 failed, 0 errored', result.stdout), f'{result.stdout}; {s.log()}')
            result = call('nghttp', '-v', '-n', url)
            expect(b':status: 200' in result.stdout, f'{result.stdout[-2000:]}')
            result = call('nghttp', '-v', '-H', ':method: POST', '-d', __file__, '--trailer', 'x-sum: 1',
                          url.replace('/hello', '/echo'))
            # This very file comes back, then its trailer; the heads are printed.
            expect(b'By prior knowledge' in result.stdout and
                   re.search(rb'recv \(stream_id=\d+\) x-sum: 1', result.stdout), f'{result.stdout[-2000:]}')


def endless_guests(box):
    """A guest that never ends costs its stream, not its connection."""
    with tls_server(box, '--timeout', '1s') as s:
        url = f'https://localhost:{s.port}'
        result = curl(box, s, '/spin', '--http2', '-o', '/dev/null', '-o', '/dev/null', '-w',
                      '%{http_code} %{num_connects}\n', f'{url}/hello')
        expect(result.stdout == b'200 1\n504 0\n', f'{result}')


def refused(name, words, *fragments, code=2, **more):
    return Case(name, command=['serve', *words], code=code, out='', err=list(fragments), **more)


CASES = [
    Case('both versions', call=both_versions),
    Case('trailers', call=trailers),
    Case('names', call=names),
    Case('certificates of clients', call=clients),
    Case('renewed certificates', call=renewed),
    Case('old protocols', call=old_protocols),
    Case('drained', call=drained),
    Case('loaded', call=loaded),
    Case('endless guests', call=endless_guests),
    refused('more keys than certificates', ['--tls-key', 'k', 'file.wasm'], 'more keys'),
    refused('clients without TLS', ['--tls-client-ca', 'ca', 'file.wasm'], '--tls-cert'),
    refused('neither', ['--tls-cert', 'c', '--tls-client-ca', 'ca', '--tls-client', 'x', 'file.wasm'], 'neither'),
    refused('no issuers', ['--tls-cert', 'c', '--tls-client', 'may', 'file.wasm'], '--tls-client-ca'),
]
