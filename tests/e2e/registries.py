"""Registries for the tests: Debian's docker-registry where it is installed, and one of our own on the loopback
interface that behaves as each case wants it to, keeps what is pushed, and notes every request."""
import hashlib
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import Skip

MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
INDEX = 'application/vnd.oci.image.index.v1+json'
WASM_CONFIG = 'application/vnd.wasm.config.v0+json'
IMAGE_CONFIG = 'application/vnd.oci.image.config.v1+json'


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class DebianRegistry:
    """docker-registry on a free port of the loopback interface, with its data in the case's folder."""

    def __init__(self, box, extra=''):
        self.program = shutil.which('docker-registry') or shutil.which('registry')
        if not self.program:
            raise Skip('docker-registry is not installed')
        self.port = free_port()
        self.host = f'127.0.0.1:{self.port}'
        self.config = box.path / 'registry.yml'
        self.config.write_text(f'version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: '
                               f'{box.path}/registry}}}}\nhttp: {{addr: "{self.host}"}}\n{extra}')

    def __enter__(self):
        self.process = subprocess.Popen([self.program, 'serve', str(self.config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise Skip('docker-registry does not start')

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Registry:
    """A registry in this process. `rules` are asked first: functions (handler) that answer and return True."""

    def __init__(self, rules=(), token=None, basic=None):
        self.blobs, self.tags, self.types = {}, {}, {}
        self.uploads = {}
        self.rules = list(rules)
        self.token, self.basic = token, basic
        self.requests = []  # (method, path, headers)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            registry = outer

            def log_message(self, *_):
                pass

            def answer(self):
                outer.answer(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer

            def reply(self, status, body=b'', **fields):
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name.replace('_', '-'), value)
                if 'Content_Length' not in fields:
                    self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(body)

            def error(self, status, code, message='', **fields):
                body = json.dumps({'errors': [{'code': code, 'message': message}]}).encode()
                self.reply(status, body, **fields)

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a peer that has gone
        self.host = f'127.0.0.1:{self.server.server_port}'

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    # ---- Contents ----

    def add_blob(self, data):
        self.blobs[digest(data)] = data
        return {'digest': digest(data), 'size': len(data)}

    def add_manifest(self, tag, manifest, media_type=MANIFEST):
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        self.blobs[digest(data)] = data
        self.types[digest(data)] = media_type
        if tag:
            self.tags[tag] = digest(data)
        return {'digest': digest(data), 'size': len(data), 'mediaType': media_type}

    def add_artifact(self, tag, program, layer_type='application/wasm', config_type=WASM_CONFIG, more=()):
        config = self.add_blob(b'{"architecture":"wasm","os":"wasip2"}') | {'mediaType': config_type}
        layers = [self.add_blob(program) | {'mediaType': layer_type}]
        layers += [self.add_blob(data) | {'mediaType': kind} for kind, data in more]
        return self.add_manifest(tag, {'schemaVersion': 2, 'mediaType': MANIFEST, 'config': config,
                                       'layers': layers})

    def add_image(self, tag, entry, layers, layer_type='application/vnd.oci.image.layer.v1.tar+gzip'):
        config = json.dumps({'architecture': 'wasm', 'os': 'wasi', 'config': {'Entrypoint': [entry]}}).encode()
        return self.add_manifest(tag, {
            'schemaVersion': 2, 'mediaType': MANIFEST, 'config': self.add_blob(config) | {'mediaType': IMAGE_CONFIG},
            'layers': [self.add_blob(data) | {'mediaType': layer_type} for data in layers]})

    # ---- Answers ----

    def allowed(self, h):
        given = h.headers.get('Authorization', '')
        if self.basic:
            if given == self.basic:
                return True
            h.error(401, 'UNAUTHORIZED', 'who are you', WWW_Authenticate='Basic realm="test"')
            return False
        if self.token is None or given == 'Bearer ' + self.token:
            return True
        scope = re.match(r'/v2/(.+)/(?:manifests|blobs)/', h.path)
        scope = f',scope="repository:{scope.group(1)}:pull"' if scope else ''
        h.error(401, 'UNAUTHORIZED', 'no token',
                WWW_Authenticate=f'Bearer realm="http://{self.host}/token",service="test"{scope}')
        return False

    def answer(self, h):
        body = h.rfile.read(int(h.headers.get('Content-Length') or 0))
        self.requests.append((h.command, h.path, h.headers))
        h.body = body
        for rule in self.rules:
            if rule(h):
                return
        if not self.allowed(h):
            return
        url = urllib.parse.urlsplit(h.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path == '/v2/':
            return h.reply(200)
        manifest = re.fullmatch(r'/v2/(.+)/manifests/([^/]+)', url.path)
        blob = re.fullmatch(r'/v2/(.+)/blobs/(sha256:[0-9a-f]+)', url.path)
        upload = re.fullmatch(r'/v2/(.+)/blobs/uploads/(\w*)', url.path)
        if manifest:
            return self.on_manifest(h, manifest.group(2))
        if blob:
            return self.on_blob(h, blob.group(2))
        if upload:
            return self.on_upload(h, upload.group(1), upload.group(2), query)
        h.error(404, 'NAME_UNKNOWN')

    def on_manifest(self, h, name):
        if h.command == 'PUT':
            entry = self.add_manifest(None if name.startswith('sha256:') else name, h.body,
                                      h.headers['Content-Type'])
            return h.reply(201, Docker_Content_Digest=entry['digest'], Location='/x')
        found = self.tags.get(name, name)
        if found not in self.types:
            return h.error(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
        h.reply(200, self.blobs[found], Content_Type=self.types[found], Docker_Content_Digest=found)

    def on_blob(self, h, name):
        if name not in self.blobs:
            return h.error(404, 'BLOB_UNKNOWN', 'blob unknown')
        data = self.blobs[name]
        wanted = re.fullmatch(r'bytes=(\d+)-', h.headers.get('Range', ''))
        if wanted and int(wanted.group(1)) < len(data):
            start = int(wanted.group(1))
            return h.reply(206, data[start:], Content_Range=f'bytes {start}-{len(data) - 1}/{len(data)}')
        h.reply(200, data)

    def on_upload(self, h, repository, name, query):
        if h.command == 'POST':
            if query.get('mount', [''])[0] in self.blobs:
                return h.reply(201, Location='/x')
            name = f'u{len(self.uploads)}'
            self.uploads[name] = b''
            return h.reply(202, Location=f'/v2/{repository}/blobs/uploads/{name}?_state=1')
        if name not in self.uploads:
            return h.error(404, 'BLOB_UPLOAD_UNKNOWN')
        if h.command == 'DELETE':
            return h.reply(204)
        if h.command == 'PATCH':
            start = int(h.headers['Content-Range'].split('-')[0])
            if start != len(self.uploads[name]):
                return h.error(416, 'RANGE_INVALID')
        self.uploads[name] += h.body
        where = f'/v2/{repository}/blobs/uploads/{name}?_state=2'
        if h.command == 'PUT':
            if query['digest'][0] != digest(self.uploads[name]):
                return h.error(400, 'DIGEST_INVALID')
            self.blobs[query['digest'][0]] = self.uploads[name]
            return h.reply(201, Location='/x')
        h.reply(204 if h.command == 'GET' else 202, Location=where,
                Range=f'0-{max(len(self.uploads[name]) - 1, 0)}')


def asked(registry, method, fragment):
    return [r for r in registry.requests if r[0] == method and fragment in r[1]]


def push_by_hand(host, repository, tag, program):
    """What a script with curl would do: two blobs and a manifest."""
    def send(method, url, data=b'', **headers):
        request = urllib.request.Request(url, data=data, method=method,
                                         headers={k.replace('_', '-'): v for k, v in headers.items()})
        with urllib.request.urlopen(request) as answer:
            return answer.headers

    def blob(data):
        where = send('POST', f'http://{host}/v2/{repository}/blobs/uploads/')['Location']
        where = urllib.parse.urljoin(f'http://{host}/', where)
        send('PUT', f'{where}{"&" if "?" in where else "?"}digest={digest(data)}', data,
             Content_Type='application/octet-stream')
        return {'digest': digest(data), 'size': len(data)}

    config = json.dumps({'architecture': 'wasm', 'os': 'wasip2', 'layerDigests': [digest(program)],
                         'component': {'exports': [], 'imports': []}}).encode()
    manifest = json.dumps({'schemaVersion': 2, 'mediaType': MANIFEST,
                           'config': blob(config) | {'mediaType': WASM_CONFIG},
                           'layers': [blob(program) | {'mediaType': 'application/wasm'}]}).encode()
    send('PUT', f'http://{host}/v2/{repository}/manifests/{tag}', manifest, Content_Type=MANIFEST)
    return digest(manifest)
