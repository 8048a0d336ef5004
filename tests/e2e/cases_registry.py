"""Registries: what is pushed, pulled, copied and run; what hostile and failing registries come to."""
import base64
import gzip
import io
import json
import shutil
import ssl
import subprocess
import tarfile
import threading

from harness import Case, Skip, expect
from registries import (INDEX, DebianRegistry, Registry, asked, digest, push_by_hand)

HELLO = 'hello, world\n'


def hello(box):
    return box.guest('hello.component')


def program(box):
    return hello(box).read_bytes()


def run(box, *command, code=0, out=None, err=(), env=None, stdin=b''):
    result = box.run(list(command), env=env, stdin=stdin)
    expect(result.returncode == code, f'exit code {result.returncode}, not {code}', result)
    if out is not None:
        expect(result.text == out, f'stdout is not {out!r}', result)
    for fragment in err:
        expect(fragment in result.talk, f'stderr lacks {fragment!r}', result)
    return result


def store(box):
    return box.path / '.local/share/swell/store'


def left(box):
    """What the store holds beside its lock."""
    return sorted(str(p.relative_to(store(box))) for p in store(box).rglob('*') if p.is_file() and p.name != 'lock')


def with_registry(check, **options):
    def call(box):
        with Registry(**options) as registry:
            check(box, registry)
    return call


def with_debian(check):
    def call(box):
        with DebianRegistry(box) as registry:
            check(box, registry)
    return call


# ---- The usual way ----

def push_pull_run(box, r):
    ref = f'{r.host}/acme/hello:1.0'
    pushed = json.loads(run(box, 'push', '--json', '-a', 'k=v', ref, hello(box)).text)
    expect(pushed['reference'] == ref and pushed['config'] == 'wasm', f'{pushed}')
    shutil.rmtree(store(box))
    pulled = json.loads(run(box, 'pull', '--json', ref).text)
    expect(pulled['digest'] == pushed['digest'] and pulled['program'] == digest(program(box)), f'{pulled}')
    run(box, 'run', ref, out=HELLO)
    run(box, 'run', f'{r.host}/acme/hello@{pushed["digest"]}', out=HELLO)
    run(box, 'pull', '-o', '{box}/out.wasm', ref, out=pushed['digest'] + '\n')
    expect((box.path / 'out.wasm').read_bytes() == program(box), 'another file')
    run(box, 'compile', ref)
    run(box, 'run', '--allow-compiled', 'hello.swell', out=HELLO)
    expect('wasi:cli/run' in run(box, 'inspect', ref).text, 'no inspection')
    run(box, 'validate', f'oci://{ref}', out='')


def reproducible(box, r):
    env = {'SOURCE_DATE_EPOCH': '1767323045'}
    digests = {run(box, 'push', f'{r.host}/a:{tag}', hello(box), env=env).text for tag in 'xy'}
    expect(len(digests) == 1, f'{digests}')


def layout(box, r):
    run(box, 'push', '-a', 'k=v', '--author', 'me', f'{r.host}/a/b:1', hello(box),
        env={'SOURCE_DATE_EPOCH': '1767323045'})
    manifest = json.loads(r.blobs[r.tags['1']])
    config = json.loads(r.blobs[manifest['config']['digest']])
    layer = manifest['layers'][0]
    expect(manifest['config']['mediaType'] == 'application/vnd.wasm.config.v0+json', f'{manifest}')
    expect(len(manifest['layers']) == 1 and layer['mediaType'] == 'application/wasm', f'{manifest}')
    expect(layer['digest'] == digest(program(box)) and layer['size'] == len(program(box)), f'{layer}')
    expect(manifest['annotations'] == {'k': 'v', 'org.opencontainers.image.created': '2026-01-02T03:04:05Z'},
           f'{manifest}')
    expect(config['architecture'] == 'wasm' and config['os'] == 'wasip2' and config['author'] == 'me', f'{config}')
    expect(config['layerDigests'] == [layer['digest']] and 'rootfs' not in config, f'{config}')
    exports = config['component']['exports']
    expect(any(name.startswith('wasi:cli/run@') for name in exports), f'{config}')
    expect(any(name.startswith('wasi:cli/') for name in config['component']['imports']), f'{config}')


def refuses_config(h):
    if h.command == 'PUT' and '/manifests/' in h.path and b'vnd.wasm.config' in h.body:
        h.error(400, 'MANIFEST_INVALID', 'unknown config')
        return True
    return False


def falls_back(box, r):
    result = run(box, 'push', f'{r.host}/a:1', hello(box), err=['pushed as an image'])
    manifest = json.loads(r.blobs[r.tags['1']])
    expect(manifest['config']['mediaType'] == 'application/vnd.oci.image.config.v1+json', f'{manifest}')
    expect(result.text.strip() == r.tags['1'], 'another digest')
    shutil.rmtree(store(box))
    run(box, 'run', f'{r.host}/a:1', out=HELLO)


def policies(box):
    with Registry() as r:
        ref = f'{r.host}/a:1'
        r.add_artifact('1', program(box))
        run(box, 'run', '--pull', 'never', ref, code=1, err=['is not in the store'])
        expect(not r.requests, 'never has asked')
        run(box, 'run', ref, out=HELLO)
        before = len(r.requests)
        run(box, 'run', ref, out=HELLO)
        run(box, 'run', '--pull', 'never', ref, out=HELLO)
        expect(len(r.requests) == before, 'missing has asked for what is there')
        r.add_artifact('1', box.guest('exit.component').read_bytes())
        run(box, 'run', '--pull', 'missing', ref, out=HELLO)
        changed = box.run(['run', '--pull', 'always', ref])
        expect(changed.text != HELLO, 'always has not asked', changed)
        r.add_artifact('1', program(box))
        run(box, 'run', '--pull', 'always', ref, out=HELLO)
    # The registry is down now.
    run(box, 'run', ref, out=HELLO)
    run(box, 'run', '--pull', 'never', ref, out=HELLO)
    run(box, 'run', f'{r.host}/a@{r.tags["1"]}', '--pull', out=HELLO)
    run(box, 'run', '--pull', 'sometimes', ref, code=2, err=['none of them'])


def damaged_store(box, r):
    ref = f'{r.host}/a:1'
    r.add_artifact('1', program(box))
    run(box, 'run', ref, out=HELLO)
    blob = store(box) / 'blobs/sha256' / digest(program(box))[7:]
    blob.chmod(0o600)
    blob.write_bytes(b'X' + blob.read_bytes()[1:])
    run(box, 'run', '--pull', 'never', ref, code=1, err=['is not in the store'])
    run(box, 'run', ref, out=HELLO)
    expect(digest(blob.read_bytes()) == digest(program(box)), 'still damaged')


def kinds(box, r):
    p = program(box)
    for number, kind in enumerate(['application/vnd.module.wasm.content.layer.v1+wasm',
                                   'application/vnd.bytecodealliance.wasm.component.layer.v0+wasm']):
        r.add_artifact(f'k{number}', p, kind, 'application/vnd.oci.image.config.v1+json')
        run(box, 'run', f'{r.host}/a:k{number}', out=HELLO)
    r.add_artifact('spin', p, 'application/vnd.wasm.content.layer.v1+wasm',
                   'application/vnd.oci.image.config.v1+json',
                   [('application/vnd.fermyon.spin.application.v1+config', b'{}')])
    run(box, 'run', f'{r.host}/a:spin', out=HELLO)
    r.add_artifact('two', p, more=[('application/wasm', p + b'\0')])
    run(box, 'run', f'{r.host}/a:two', code=1, err=['2 programs'])
    entry = r.add_artifact(None, p)
    r.add_manifest('index', {'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [
        {'digest': digest(b'x'), 'size': 1, 'mediaType': entry['mediaType'],
         'platform': {'os': 'linux', 'architecture': 'amd64'}},
        entry | {'platform': {'os': 'wasi', 'architecture': 'wasm'}}]}, INDEX)
    run(box, 'run', f'{r.host}/a:index', out=HELLO)
    run(box, 'run', '--pull', 'never', f'{r.host}/a:index', out=HELLO)


def tar(*entries):
    """Entries are (path, bytes) or (path, link target as text)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as t:
        for path, data in entries:
            info = tarfile.TarInfo(path)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
                t.addfile(info)
            else:
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def docker_style(box, r):
    p = program(box)
    r.add_image('good', '/app/hello.wasm', [gzip.compress(tar(('etc/motd', b'hi'))),
                                            gzip.compress(tar(('app/hello.wasm', p)))])
    run(box, 'run', f'{r.host}/a:good', out=HELLO)
    run(box, 'run', '--pull', 'never', f'{r.host}/a:good', out=HELLO)
    zstd = shutil.which('zstd')
    if zstd:
        packed = subprocess.run([zstd, '-c'], input=tar(('hello.wasm', p)), capture_output=True, check=True).stdout
        r.add_image('zstd', 'hello.wasm', [packed], 'application/vnd.oci.image.layer.v1.tar+zstd')
        run(box, 'run', f'{r.host}/a:zstd', out=HELLO)
    for tag, entries, text in [('up', [('../../evil', b'x'), ('h.wasm', p)], 'leads upwards'),
                               ('link', [('h.wasm', '/etc/passwd')], 'is a link'),
                               ('none', [('other', p)], 'no file'),
                               ('absolute', [('/h.wasm', p)], 'absolute')]:
        r.add_image(tag, '/h.wasm', [gzip.compress(tar(*entries))])
        run(box, 'run', f'{r.host}/a:{tag}', code=1 if tag == 'none' else 2, err=[text])
    r.add_image('bomb', '/h.wasm', [gzip.compress(tar(('zeroes', bytes(80 << 20))), 1)])
    run(box, 'run', f'{r.host}/a:bomb', code=1, err=['far more than it is worth'])
    expect(not (box.path / 'evil').exists() and not (box.path.parent / 'evil').exists(), 'it escaped')


# ---- Failures ----

def fails(text, code=1, **options):
    """The program fails with this text, and leaves nothing half-written."""
    def check(box, r):
        r.add_artifact('1', program(box))
        run(box, 'pull', f'{r.host}/a:1', code=code, err=[text])
        names = left(box)
        expect(not any(n.startswith('tags/') for n in names), f'a tag is left: {names}')
        blob = f'blobs/sha256/{digest(program(box))[7:]}'
        expect(blob not in names, f'a wrong blob is left: {names}')
        expect(not any(n.startswith('partial/') for n in names), f'a part is left: {names}')
    return with_registry(check, **options)


def on(method, fragment, answer, times=10 ** 9):
    """A rule: answers the first requests like that otherwise."""
    count = [0]
    lock = threading.Lock()

    def rule(h):
        if h.command != method or fragment not in h.path:
            return False
        with lock:
            count[0] += 1
            if count[0] > times:
                return False
        answer(h)
        return True
    return rule


def endless(h):
    h.send_response(200)
    h.send_header('Transfer-Encoding', 'chunked')
    h.end_headers()
    try:
        while True:
            h.wfile.write(b'10000\r\n' + b'x' * 0x10000 + b'\r\n')
    except OSError:
        h.close_connection = True


def cut(h):
    """Half of what it should be, and the connection is gone."""
    data = h.registry.blobs['sha256:' + h.path.rsplit(':', 1)[1]]
    start = int((h.headers.get('Range') or 'bytes=0-')[6:-1])
    h.send_response(206 if start else 200)
    if start:
        h.send_header('Content-Range', f'bytes {start}-{len(data) - 1}/{len(data)}')
    h.send_header('Content-Length', str(len(data) - start))
    h.end_headers()
    h.wfile.write(data[start:start + (len(data) - start) // 2])
    h.wfile.flush()
    h.close_connection = True
    h.connection.close()


def resumes(box, r):
    r.add_artifact('1', program(box))
    run(box, 'run', f'{r.host}/a:1', out=HELLO)
    ranges = [q[2].get('Range') for q in asked(r, 'GET', digest(program(box)))]
    half = len(program(box)) // 2
    expect(ranges[0] is None and ranges[1] == f'bytes={half}-' and len(ranges) == 3, f'{ranges}')


def resumes_between_runs(box, r):
    r.add_artifact('1', program(box))
    blob = f'{digest(program(box))[7:]}'
    run(box, 'run', f'{r.host}/a:1', code=1)
    part = store(box) / 'partial' / blob
    expect(0 < part.stat().st_size < len(program(box)), 'nothing is kept for another attempt')
    size = part.stat().st_size
    r.rules.clear()
    before = len(r.requests)
    run(box, 'run', f'{r.host}/a:1', out=HELLO)
    ranges = [q[2].get('Range') for q in r.requests[before:] if blob in q[1]]
    expect(ranges == [f'bytes={size}-'], f'{ranges}')
    # What does not fit to the rest is thrown away.
    shutil.rmtree(store(box))
    part.parent.mkdir(parents=True)
    part.write_bytes(b'nonsense')
    run(box, 'run', f'{r.host}/a:1', out=HELLO)


def retries(box, r):
    r.add_artifact('1', program(box))
    run(box, 'run', f'{r.host}/a:1', out=HELLO)
    expect(len(asked(r, 'GET', '/manifests/')) == 4, 'not as many attempts as expected')


def comes_back_late(box, r):
    r.add_artifact('1', program(box))
    run(box, 'run', f'{r.host}/a:1', code=1, err=['come back in 3600 s'])


def redirect_to(other, path='/elsewhere'):
    def answer(h):
        h.reply(307, Location=f'{other()}{path}')
    return answer


def redirects_without_credentials(box):
    with Registry() as cdn, Registry(token='secret') as r:
        data = program(box)

        def serve(h):
            h.reply(200, data)
        cdn.rules.append(on('GET', '/elsewhere', serve))
        r.rules.append(on('GET', '/token', lambda h: h.reply(200, b'{"token":"secret"}')))

        def redirect(h):
            if h.headers.get('Authorization') == 'Bearer secret':
                h.reply(307, Location=f'http://{cdn.host}/elsewhere')
            else:
                h.registry.allowed(h)
        r.rules.append(on('GET', '/blobs/', redirect))
        r.add_artifact('1', data)
        run(box, 'run', f'{r.host}/a:1', out=HELLO)
        expect(len(cdn.requests) == 1, f'{cdn.requests}')
        expect(cdn.requests[0][2].get('Authorization') is None, 'the other host got the token')


def same_host_redirect(box, r):
    data = program(box)
    r.rules.append(on('GET', '/token', lambda h: h.reply(200, b'{"token":"secret"}')))
    r.rules.append(on('GET', '/blobs/', lambda h: h.reply(302, Location='/elsewhere')))
    r.rules.append(on('GET', '/elsewhere', lambda h: h.registry.allowed(h) and h.reply(200, data)))
    r.add_artifact('1', data)
    run(box, 'run', f'{r.host}/a:1', out=HELLO)


# ---- Who one is ----

def auth_of(user, password):
    return base64.b64encode(f'{user}:{password}'.encode()).decode()


def tokens(box, r):
    def token(h):
        expect_service = 'service=test' in h.path and 'scope=repository%3Aa%3Apull' in h.path
        if h.headers.get('Authorization') == 'Basic ' + auth_of('u', 'p') and expect_service:
            h.reply(200, b'{"token":"secret"}')
        else:
            h.error(401, 'UNAUTHORIZED')
    r.rules.append(on('GET', '/token', token))
    r.add_artifact('1', program(box))
    run(box, 'pull', f'{r.host}/a:1', code=1, err=['refuses the credentials', f'swell login {r.host}'])
    (box.path / 'auth.json').write_text(json.dumps({'auths': {r.host: {'auth': auth_of('u', 'p')}}}))
    run(box, 'pull', f'{r.host}/a:1', env={'REGISTRY_AUTH_FILE': '{box}/auth.json'})
    expect(len(asked(r, 'GET', '/token')) == 2, 'the token is not kept')


def identity_tokens(box, r):
    def token(h):
        good = b'grant_type=refresh_token' in h.body and b'refresh_token=identity' in h.body
        h.reply(200, b'{"access_token":"secret"}') if good else h.error(401, 'UNAUTHORIZED')
    r.rules.append(on('POST', '/token', token))
    r.add_artifact('1', program(box))
    (box.path / '.docker').mkdir()
    (box.path / '.docker/config.json').write_text(json.dumps({'auths': {r.host: {'identitytoken': 'identity'}}}))
    run(box, 'run', f'{r.host}/a:1', out=HELLO)


def basic(box, r):
    r.add_artifact('1', program(box))
    run(box, 'pull', f'{r.host}/a:1', code=1, err=['401 unauthorized', 'swell login'])
    run(box, 'login', '-u', 'u', '--password-stdin', r.host, stdin=b'wrong\n', code=1, err=['401'])
    expect(not (box.path / '.docker').exists(), 'wrong credentials are kept')
    run(box, 'login', '-u', 'u', '--password-stdin', r.host, stdin=b'p\n')
    config = box.path / '.docker/config.json'
    expect(config.stat().st_mode & 0o777 == 0o600, 'others may read it')
    expect(json.loads(config.read_text()) == {'auths': {r.host: {'auth': auth_of('u', 'p')}}}, config.read_text())
    run(box, 'run', f'{r.host}/a:1', out=HELLO)
    run(box, 'logout', r.host)
    run(box, 'logout', r.host, code=1, err=['no credentials'])
    run(box, 'run', '--pull', 'always', f'{r.host}/a:1', code=1, err=['401'])


def login_usage(box):
    run(box, 'login', '--password-stdin', 'a.io', code=2, err=['needs --user'])
    run(box, 'login', '-u', 'u', '--password-stdin', 'a.io', code=2, err=['no password'])
    run(box, 'login', '-u', 'u', '--password-stdin', 'a.io/x', stdin=b'p', code=2, err=['is no registry'])


# ---- Uploads ----

def mounts(box, r):
    run(box, 'push', f'{r.host}/a:1', hello(box))
    for tag, blobs in list(r.tags.items()):
        expect(tag == '1', f'{tag}')
    one = r.tags['1']

    def unknown(h):
        h.error(404, 'BLOB_UNKNOWN')
    r.rules.append(on('HEAD', '/b/blobs/', unknown))
    run(box, 'copy', f'{r.host}/a:1', f'{r.host}/b:2', out=one + '\n')
    mounted = asked(r, 'POST', 'from=a')
    expect(len(mounted) == 2 and not asked(r, 'GET', '/a/blobs/'), 'blobs were not taken over')


def copies_between(box):
    with Registry() as a, Registry() as b:
        entry = a.add_artifact(None, program(box))
        a.add_manifest('1', {'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [
            entry | {'platform': {'os': 'wasi', 'architecture': 'wasm'}}]}, INDEX)
        result = run(box, 'copy', '--json', f'{a.host}/x:1', f'{b.host}/y/z:2')
        expect(json.loads(result.text)['digest'] == a.tags['1'] == b.tags['2'], 'another digest')
        run(box, 'run', f'{b.host}/y/z:2', out=HELLO)


def chunks(box, r):
    big = box.path / 'big.wasm'
    body = b'\x01x' + bytes(40 << 20)
    size, leb = len(body), b''  # a custom section
    while size >= 0x80:
        leb += bytes([size & 0x7f | 0x80])
        size >>= 7
    data = program(box) + b'\0' + leb + bytes([size]) + body
    big.write_bytes(data)
    run(box, 'push', f'{r.host}/a:1', big)
    sent = [q[2]['Content-Range'] for q in asked(r, 'PATCH', '/uploads/')]
    expect(sent[0] == f'0-{(32 << 20) - 1}' and sent[-1].endswith(f'-{len(data) - 1}'), f'{sent}')
    expect(digest(data) in r.blobs, 'it has not arrived')


def refused_upload(box, r):
    run(box, 'push', f'{r.host}/a:1', hello(box), code=1, err=['403 forbidden', 'DENIED: not yours'])
    expect(not asked(r, 'PUT', '/manifests/'), 'a manifest was sent')


def upload_elsewhere(box, r):
    run(box, 'push', f'{r.host}/a:1', hello(box), code=2, err=['another scheme'])


def not_a_program(box, r):
    (box.path / 'x.wasm').write_bytes(b'nonsense')
    run(box, 'push', f'{r.host}/a:1', 'x.wasm', code=2, err=['x.wasm'])
    expect(not r.requests, 'it was asked')
    run(box, 'push', 'hello:1', hello(box), code=2, err=['begins with a registry'])
    run(box, 'push', f'{r.host}/a@{digest(b"")}', hello(box), code=2, err=['goes to a tag'])
    run(box, 'run', 'no.such/File', code=1, err=['no.such/File'])


def mirrors(box):
    with Registry() as mirror:
        mirror.add_artifact('1', program(box))
        # Nothing listens where the registry would be.
        run(box, 'pull', '--mirror', f'127.0.0.1:9={mirror.host}/cache', '127.0.0.1:9/a:1')
        expect(asked(mirror, 'GET', '/v2/cache/a/manifests/1'), 'the prefix is lost')
        run(box, 'run', '--pull', 'always', '127.0.0.1:9/a:1', out=HELLO,
            env={'SWELL_MIRRORS': f'other.io=x.io,127.0.0.1:9={mirror.host}'})
    with Registry() as mirror, Registry() as r:
        r.add_artifact('1', program(box))
        run(box, 'run', '--pull', 'always', '--mirror', f'{r.host}={mirror.host}', f'{r.host}/b:1', out=HELLO)
        expect(asked(mirror, 'GET', '/manifests/1'), 'the mirror was not asked')


def tls(box):
    openssl = shutil.which('openssl')
    if not openssl:
        raise Skip('openssl is not installed')
    cert, key = box.path / 'cert.pem', box.path / 'key.pem'
    subprocess.run([openssl, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key,
                    '-out', cert], check=True, capture_output=True)
    with Registry() as r:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        r.server.socket = context.wrap_socket(r.server.socket, server_side=True)
        r.add_artifact('1', program(box))
        ref = f'{r.host}/a:1'
        run(box, 'pull', '--ca', cert, ref)
        run(box, 'run', '--pull', 'always', '--insecure', ref, out=HELLO)
        run(box, 'pull', '--ca', '/etc/ssl/certs/ca-certificates.crt', ref, code=1, err=['certificate'])


def many_at_once(box, r):
    r.add_artifact('1', program(box))
    results = []
    def one():
        results.append(box.run(['run', f'{r.host}/a:1']))
    threads = [threading.Thread(target=one) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for result in results:
        expect(result.returncode == 0 and result.text == HELLO, 'one of many failed', result)
    fetched = asked(r, 'GET', digest(program(box)))
    expect(len(fetched) == 1, f'the blob was fetched {len(fetched)} times')


def serves(box):
    guest = box.guest('http-hello.component')
    with Registry() as r:
        r.add_artifact('1', guest.read_bytes())
        process = box.start(['serve', '--listen', '127.0.0.1:0', f'{r.host}/site:1'])
        try:
            line = process.stderr.readline().decode()
            expect(line.startswith('serving http://'), line)
        finally:
            process.terminate()
            process.wait()


# ---- Other tools ----

def skopeo(*args):
    program_path = shutil.which('skopeo')
    if not program_path:
        raise Skip('skopeo is not installed')
    result = subprocess.run([program_path, '--insecure-policy', *args], capture_output=True, text=True)
    expect(result.returncode == 0, f'skopeo {" ".join(args)}: {result.stderr}')
    return result.stdout


def skopeo_copies(box, r):
    pushed = run(box, 'push', f'{r.host}/acme/hello:1', hello(box)).text.strip()
    skopeo('copy', '--src-tls-verify=false', f'docker://{r.host}/acme/hello:1', f'oci:{box.path}/layout:1')
    skopeo('copy', '--dest-tls-verify=false', f'oci:{box.path}/layout:1', f'docker://{r.host}/other/hello:2')
    shutil.rmtree(store(box))
    run(box, 'pull', f'{r.host}/other/hello:2', out=pushed + '\n')
    run(box, 'run', f'{r.host}/other/hello:2', out=HELLO)
    expect(json.loads(skopeo('inspect', '--raw', '--tls-verify=false', f'docker://{r.host}/acme/hello:1'))
           ['layers'][0]['mediaType'] == 'application/wasm', 'another layer')


def by_hand(box, r):
    pushed = push_by_hand(r.host, 'plain', 'x', program(box))
    run(box, 'pull', f'{r.host}/plain:x', out=pushed + '\n')
    run(box, 'run', f'{r.host}/plain:x', out=HELLO)


def debian_copy(box, r):
    one = run(box, 'push', f'{r.host}/a:1', hello(box)).text
    run(box, 'copy', f'{r.host}/a:1', f'{r.host}/b/c:2', out=one)
    shutil.rmtree(store(box))
    run(box, 'run', f'{r.host}/b/c:2', out=HELLO)


BLOB = '/blobs/sha256:'


def case(name, call):
    return Case(name, call=call)


CASES = [
    case('push, pull, run, compile, inspect by reference', with_registry(push_pull_run)),
    case('the same file at the same time has the same digest', with_registry(reproducible)),
    case('the layout of an artifact', with_registry(layout)),
    case('a registry that refuses the configuration gets an image', with_registry(falls_back, rules=[refuses_config])),
    case('always, missing, never', policies),
    case('a damaged store is noticed', with_registry(damaged_store)),
    case('layers of other tools, indexes', with_registry(kinds)),
    case('images with a root file system', with_registry(docker_style)),
    case('a blob with another digest', fails('wrong digest', code=2, rules=[
        on('GET', BLOB, lambda h: h.reply(200, b'y' * len(h.registry.blobs[h.path[h.path.index('sha256:'):]])))])),
    case('a manifest with another digest', fails('wrong digest', code=2, rules=[
        on('GET', '/manifests/', lambda h: h.reply(200, b'{}', Docker_Content_Digest=digest(b'x')))])),
    case('a body without an end', fails('more than', code=2, rules=[on('GET', BLOB, endless)])),
    case('a manifest without an end', fails('larger than', rules=[on('GET', '/manifests/', endless)])),
    case('a head without an end', fails('too large', rules=[
        on('GET', '/manifests/', lambda h: h.reply(200, **{f'X{i}': 'y' * 1000 for i in range(99)}))])),
    case('a redirect to another scheme', fails('another scheme', rules=[
        on('GET', BLOB, lambda h: h.reply(307, Location='https://127.0.0.1:1/x'))])),
    case('a redirect to a file', fails('no HTTP URL', code=2, rules=[
        on('GET', BLOB, lambda h: h.reply(307, Location='file:///etc/passwd'))])),
    case('redirects without an end', fails('too many redirects', code=2, rules=[
        on('GET', BLOB, lambda h: h.reply(307, Location=h.path))])),
    case('a manifest that is no JSON', fails('malformed JSON', code=2, rules=[
        on('GET', '/manifests/', lambda h: h.reply(200, b'{{{'))])),
    case('not there', with_registry(lambda box, r: run(box, 'pull', f'{r.host}/a:1', code=1,
                                                       err=['404', 'MANIFEST_UNKNOWN']))),
    case('a redirect takes no credentials along', redirects_without_credentials),
    case('a redirect on the same host does', with_registry(same_host_redirect, token='secret')),
    case('a cut connection is resumed', with_registry(resumes, rules=[on('GET', BLOB, cut, times=2)])),
    case('the next run resumes, too', with_registry(resumes_between_runs, rules=[on('GET', BLOB, cut)])),
    case('429 and 503 are tried again', with_registry(retries, rules=[
        on('GET', '/manifests/', lambda h: h.error(429, 'TOOMANYREQUESTS', Retry_After='1'), times=1),
        on('GET', '/manifests/', lambda h: h.error(503, 'UNAVAILABLE'), times=2)])),
    case('a pause that is too long', with_registry(comes_back_late, rules=[
        on('GET', '/manifests/', lambda h: h.error(429, 'TOOMANYREQUESTS', Retry_After='3600'))])),
    case('tokens', with_registry(tokens, token='secret')),
    case('identity tokens', with_registry(identity_tokens, token='secret')),
    case('login, logout, basic', with_registry(basic, basic='Basic ' + auth_of('u', 'p'))),
    case('login: usage', login_usage),
    case('copy within a registry', with_registry(mounts)),
    case('copy between registries', copies_between),
    case('a large blob goes in pieces', with_registry(chunks)),
    case('an upload that is refused', with_registry(refused_upload, rules=[
        on('POST', '/uploads/', lambda h: h.error(403, 'DENIED', 'not yours'))])),
    case('an upload that is to go elsewhere', with_registry(upload_elsewhere, rules=[
        on('POST', '/uploads/', lambda h: h.reply(202, Location='https://127.0.0.1:1/x'))])),
    case('what is not pushed', with_registry(not_a_program)),
    case('mirrors', mirrors),
    case('TLS', tls),
    case('many at once fetch once', with_registry(many_at_once)),
    case('serve by reference', serves),
    case('docker-registry: push, pull, run', with_debian(push_pull_run)),
    case('docker-registry: copy', with_debian(debian_copy)),
    case('docker-registry: skopeo copies what we push', with_debian(skopeo_copies)),
    case('docker-registry: what was pushed by hand', with_debian(by_hand)),
]
