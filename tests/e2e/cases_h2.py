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

import h2_frames
from cases_serve import LIMIT, Server
from common import BUILD
from harness import Case, Skip, expect

CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f'no {program}')


def call(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, timeout=LIMIT, **more)


def request_cert(box, name, subject, *words):
    """Its two files change one after the other, but each at once."""
    new = [box.path / f'{name}.{kind}.new' for kind in ('key', 'pem')]
    result = call('openssl', 'req', '-x509', *CURVE, '-subj', f'/CN={subject}', '-keyout', new[0], '-out', new[1], *words)
    expect(result.returncode == 0, f'openssl: {result.stderr}')
    for path in new:
        path.rename(path.with_suffix(''))


def issue(box, name, alternatives=None, subject=None):
    request_cert(box, name, subject or name, '-CA', box.path / 'ca.pem', '-CAkey', box.path / 'ca.key', '-addext',
                 'basicConstraints=critical,CA:FALSE',
                 *(['-addext', f'subjectAltName={alternatives}'] if alternatives else []))


def make_certs(box):
    """ca; local (localhost), other (other.example): servers; alice: a client; stranger: one of nobody's."""
    need('openssl', 'curl')
    request_cert(box, 'ca', 'issuer')
    issue(box, 'local', 'DNS:localhost,IP:127.0.0.1')
    issue(box, 'other', 'DNS:other.example')
    issue(box, 'alice')
    request_cert(box, 'stranger', 'stranger')


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
        issue(box, 'local', 'DNS:localhost', 'renewed')
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


def trusting(box):
    return ssl.create_default_context(cafile=str(box.path / 'ca.pem'))


def agreed(box):
    """ALPN: what both speak, HTTP/1.1 without it; a client that speaks neither gets an alert."""
    with tls_server(box) as s:
        for offered, chosen in ((['h2', 'http/1.1'], 'h2'), (['http/1.1', 'h2'], 'h2'), (['http/1.1'], 'http/1.1'),
                                (['spdy/3', 'http/1.1'], 'http/1.1'), (None, None), (['spdy/3'], 'alert')):
            context = trusting(box)
            if offered:
                context.set_alpn_protocols(offered)
            try:
                with context.wrap_socket(s.connect(), server_hostname='localhost') as t:
                    got = t.selected_alpn_protocol()
                    if got != 'h2':
                        t.sendall(b'GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
                        expect(t.recv(100).startswith(b'HTTP/1.1 200'), f'{offered}: no answer')
            except ssl.SSLError as e:
                got = 'alert' if 'no application protocol' in str(e).lower().replace('_', ' ') else f'{e}'
            expect(got == chosen, f'{offered}: {got}')
        # HTTP/1.1 was agreed on: the preface of the other is a request like any.
        context = trusting(box)
        context.set_alpn_protocols(['http/1.1'])
        with context.wrap_socket(s.connect(), server_hostname='localhost') as t:
            t.sendall(h2_frames.PREFACE + h2_frames.settings())
            expect(t.recv(100).startswith(b'HTTP/1.1 '), 'HTTP/2 where 1.1 was agreed on')


def cleartext_upgrade(box):
    """Asked to change from HTTP/1.1 to 2, the server stays with 1.1, as it may."""
    need('curl', 'nghttp')
    with Server(box) as s:
        url = f'http://{s.host}:{s.port}'
        for words in ([], ['-d', 'abc']):
            result = call('curl', '-sS', '-m', LIMIT, '--http2', '-w', '%{http_version}', *words, f'{url}/echo')
            expect(result.stdout == (b'abc' if words else b'') + b'1.1', f'{result}')
        result = call('nghttp', '-u', f'{url}/hello')
        expect(b'HTTP Upgrade failed' in result.stdout + result.stderr, f'{result}')
        s.expect('/hello', 200, b'hello, world\n')


def client_hello(box):
    """What a client says first."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = trusting(box).wrap_bio(into, out, server_hostname='localhost')
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def odd_bytes(box):
    """Bytes that are no TLS, parts of TLS, and cleartext HTTP: an end each, and a count."""
    with tls_server(box, '--admin', '127.0.0.1:0') as s:
        hello = client_hello(box)
        flipped = bytes(b ^ 0x55 if i % 7 == 6 else b for i, b in enumerate(hello))
        rows = [b'\0' * 100, os.urandom(20_000), b'\x16\x03\x01\xff\xff' + b'a' * 70_000, b'SSH-2.0-x\r\n', hello[:50],
                flipped, hello + hello, hello + os.urandom(1000), b'\x15\x03\x01\0\2\2\0', h2_frames.PREFACE,
                b'GET /hello HTTP/1.1\r\nhost: x\r\n\r\n']
        answers = []
        for octets in rows:
            with s.connect() as c:
                try:
                    c.sendall(octets)
                    c.shutdown(socket.SHUT_WR)
                    answers.append(b''.join(iter(lambda: c.recv(1 << 16), b'')))
                except OSError:
                    answers.append(b'')
        expect(not any(b'200' in a[:20] for a in answers), f'{answers}')
        expect(answers[-1].startswith(b'HTTP/1.1 400') and b'https' in answers[-1], f'cleartext gets {answers[-1]}')
        s.await_metric('swell_tls_handshakes_failed_total', len(rows))
        expect_answer(curl(box, s, '/hello'), b'hello, world\n', s)
        expect(s.metric('swell_tls_handshakes_total') == 1, 'handshakes are not counted')


def slow_handshake(box):
    """One that does not come to its end in the time of a head is given up."""
    with tls_server(box, '--admin', '127.0.0.1:0', '--head-timeout', '300ms') as s:
        silent, half = s.connect(), s.connect()
        half.sendall(client_hello(box)[:20])
        expect(silent.recv(1) == b'' and half.recv(1) == b'', 'still open')
        s.await_metric('swell_tls_handshakes_failed_total', 2)
        expect(s.metric('swell_http_timeouts_total') == 2, 'time-outs')


def reloaded_under_load(box):
    """Twenty reloads, each with a new certificate: no request fails."""
    need('h2load')
    with tls_server(box, '--admin', '127.0.0.1:0') as s:
        url = f'https://localhost:{s.port}/hello'
        loads = [subprocess.Popen(['h2load', '-n', '20000', *words, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                 for words in (['-c', '10', '-m', '8'], ['-c', '4', '--h1'])]
        rounds = 0
        while rounds < 20 or any(p.poll() is None for p in loads):
            issue(box, 'local', 'DNS:localhost,IP:127.0.0.1')
            s.process.send_signal(signal.SIGHUP)
            rounds += 1
            end = time.monotonic() + LIMIT
            while s.log().count('reloaded') < rounds and time.monotonic() < end:
                time.sleep(0.005)
            expect_answer(curl(box, s, '/hello'), b'hello, world\n', s)
            expect(rounds < 2000, 'the load does not end')
        for p in loads:
            out = p.communicate(timeout=LIMIT)[0]
            expect(re.search(rb'20000 succeeded, 0 failed, 0 errored, 0 timeout', out), f'{out}; {s.log()[-2000:]}')


def unusable_files(box):
    """What is wrong, in which file."""
    make_certs(box)
    (box.path / 'junk.pem').write_text('junk')
    call('openssl', 'pkey', '-aes128', '-passout', 'pass:x', '-in', box.path / 'local.key', '-out', box.path / 'locked.key')
    file = lambda name: str(box.path / name)  # noqa: E731
    for cert_file, key, ca, fragments in (
            ('absent.pem', 'local.key', None, ['absent.pem', 'No such file']),
            ('local.pem', 'absent.key', None, ['absent.key', 'No such file']),
            ('local.pem', 'other.key', None, ['other.key', 'does not belong', 'local.pem']),
            ('junk.pem', 'local.key', None, ['junk.pem', 'PEM']),
            ('local.pem', 'junk.pem', None, ['junk.pem', 'PEM']),
            ('local.pem', 'locked.key', None, ['locked.key', 'passphrase']),
            ('local.pem', 'local.key', 'absent.pem', ['absent.pem', 'No such file']),
            ('local.pem', 'local.key', 'junk.pem', ['junk.pem', 'PEM'])):
        result = box.run(['serve', '--listen', '127.0.0.1:0', '--tls-cert', file(cert_file), '--tls-key', file(key),
                          *(['--tls-client-ca', file(ca)] if ca else []), str(box.guest('http-hello.component'))])
        expect(result.returncode in (1, 2) and all(f in result.talk for f in fragments), f'{fragments}', result)


def browser(box):
    """Headless Chromium: HTTP/2 over TLS, a page and a large one."""
    names = ('chromium-headless-shell', 'headless_shell', 'chromium', 'chromium-browser', 'google-chrome')
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        raise Skip('no chromium')
    with tls_server(box, '--access-log', 'text') as s:
        def page(path):
            return call(program, '--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors',
                        f'--user-data-dir={box.path}/browser', '--dump-dom', f'https://127.0.0.1:{s.port}{path}',
                        env=box.environment({'HOME': str(box.path)})).stdout
        expect(b'hello, world\n' in page('/hello'), f'the page lacks its text; log: {s.log()}')
        s.await_log(r'"GET /hello HTTP/2(\.0)?" 200')
        expect(len(page('/big/1000000')) > 1_000_000, f'a large page is short; log: {s.log()}')


# DATA for a stream that both sides have forgotten is ignored, as RFC 9113 allows.
H2SPEC_KNOWN = {'closed: Sends a DATA frame after sending RST_STREAM frame', 'closed: Sends a DATA frame'}


def specification(box):
    """h2spec, which has 145 cases of its own."""
    program = shutil.which('h2spec', path=f'{BUILD}/go:{os.environ["PATH"]}')
    if program is None:
        raise Skip('no h2spec')
    with tls_server(box) as s:
        result = call(program, '-t', '-k', '-h', s.host, '-p', s.port, '-P', '/wait/50', '-o', '3')
        summary, _, failures = result.stdout.decode().partition('Failures:')
        failed = set(re.findall(r'\u00d7 \d+: (.*)', failures))
        expect(re.search(r'\d\d\d tests', result.stdout.decode()), f'{result.stdout[-500:]}')
        expect(failed <= H2SPEC_KNOWN, f'{failures}; log: {s.log()}')


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
    Case('ALPN', call=agreed),
    Case('an upgrade from HTTP/1.1', call=cleartext_upgrade),
    Case('odd bytes', call=odd_bytes),
    Case('slow handshakes', call=slow_handshake),
    Case('reloaded under load', call=reloaded_under_load),
    Case('unusable files', call=unusable_files),
    Case('a browser', call=browser),
    Case('h2spec', call=specification),
    refused('more keys than certificates', ['--tls-key', 'k', 'file.wasm'], 'more keys'),
    refused('clients without TLS', ['--tls-client-ca', 'ca', 'file.wasm'], '--tls-cert'),
    refused('neither', ['--tls-cert', 'c', '--tls-client-ca', 'ca', '--tls-client', 'x', 'file.wasm'], 'neither'),
    refused('no issuers', ['--tls-cert', 'c', '--tls-client', 'may', 'file.wasm'], '--tls-client-ca'),
]
