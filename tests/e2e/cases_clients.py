"""Real clients of `swell serve` over HTTP/1.x: what they send by themselves, and what they make of the answers."""
import http.client
import os
import re
import shutil
import subprocess

from attack import HELLO, Target
from cases_serve import LIMIT
from harness import Case, Skip, expect

UPLOAD_BYTES = 3000000


def run(*command, stdin=b''):
    """Both streams of a client that must succeed; Skip where there is none."""
    if not shutil.which(command[0]):
        raise Skip(f'no {command[0]}')
    result = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, timeout=LIMIT)
    text = (result.stdout + result.stderr).decode(errors='replace')
    expect(result.returncode == 0, f'{command[0]} ends with {result.returncode}: {text[-1500:]}')
    return text


def url(s, path='/'):
    return f'http://{s.host}:{s.port}{path}'


CURL = [  # words, what must be in its verbose output
    (['{}/hello'], ['HTTP/1.1 200 OK', 'content-length: 13', 'hello, world']),
    (['--http1.0', '{}/hello'], ['> GET /hello HTTP/1.0', 'HTTP/1.1 200 OK', 'hello, world']),
    (['--http1.0', '{}/drip/3/5'], ['connection: close', '0\n1\n2\n']),
    (['{}/hello', '{}/dump', '{}/hello'], ['Re-using existing connection', 'method GET']),
    (['-I', '{}/hello'], ['HTTP/1.1 200 OK', 'content-length: 13']),
    (['-I', '{}/drip/3/5'], ['HTTP/1.1 200 OK']),
    (['-r', '0-3', '{}/dump'], ['HTTP/1.1 200 OK', 'range: bytes=0-3']),
    (['-X', 'OPTIONS', '{}/dump'], ['method OPTIONS']),
    (['-X', 'PROPFIND', '{}/dump'], ['method PROPFIND']),
    (['-d', 'a=b', '{}/echo'], ['< transfer-encoding: chunked', 'a=b']),
    (['-F', 'field=value', '{}/count'], [re.compile(r'\d{3} bytes')]),
    (['-T', '-', '{}/count'], ['> Transfer-Encoding: chunked', f'{UPLOAD_BYTES} bytes']),
    (['-T', '-', '-H', 'Content-Length: %d' % UPLOAD_BYTES, '-H', 'Transfer-Encoding:', '{}/count'],
     [f'{UPLOAD_BYTES} bytes']),
    (['--data-binary', '@-', '{}/count'], ['> Expect: 100-continue', 'HTTP/1.1 100 Continue', f'{UPLOAD_BYTES} bytes']),
    (['--data-binary', '@-', '-H', 'Expect:', '{}/count'], [f'{UPLOAD_BYTES} bytes']),
    (['--data-binary', '@-', '{}/ignore'], ['> Expect: 100-continue', 'HTTP/1.1 200 OK', 'connection: close']),
    (['--data-binary', '@-', '{}/status/403'], ['> Expect: 100-continue', 'HTTP/1.1 403 Forbidden']),
    (['--raw', '-H', 'TE: trailers', '{}/trailers'], ['7\nsummed\n\n0\nx-sum: 42\n']),
    (['--compressed', '{}/dump'], ['accept-encoding: ']),
    (['-u', 'user:word', '{}/dump'], ['authorization: Basic']),
    (['--path-as-is', '{}/../dump'], ['HTTP/1.1 404 Not Found']),
    (['-H', 'Host: other.example:81', '{}/dump'], ['authority other.example:81']),
    (['-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket', '{}/hello'], ['HTTP/1.1 200 OK', 'hello, world']),
    (['--http2', '{}/hello'], ['Upgrade: h2c', 'HTTP/1.1 200 OK', 'hello, world']),
]


def curl(box):
    with Target(box) as s, s.watched():
        for words, wanted in CURL:
            version = [] if any(word.startswith('--http') for word in words) else ['--http1.1']
            text = run('curl', '-sSv', '-m', LIMIT, *version, *(word.format(url(s, '')) for word in words),
                       stdin=bytes(UPLOAD_BYTES)).replace('\r', '')
            for part in wanted:
                found = part.search(text) if isinstance(part, re.Pattern) else part in text
                expect(found, f'curl {words}: lacks {part!r}: {text[-2000:]}')


def curl_is_cut(box):
    """Answers that end too early look so."""
    if not shutil.which('curl'):
        raise Skip('no curl')
    with Target(box) as s, s.watched(counts={'swell_http_cut_total': 4}):
        for path in ('/cut', '/length/50', '/trap/late'):
            for version in ('--http1.1', '--http1.0'):
                result = subprocess.run(['curl', '-s', '-m', str(LIMIT), version, url(s, path)], capture_output=True,
                                        timeout=LIMIT)
                # A part of the body, nothing at all, or a reset.
                expect(result.returncode in (18, 52, 56), f'{path} {version}: curl ends with {result.returncode}')


def wrk(box):
    with Target(box) as s, s.watched(48, {'swell_responses_total{class="2xx"}': 100}):
        text = run('wrk', '-t2', '-c32', '-d1s', url(s, '/hello'))
        expect('Non-2xx' not in text and 'Socket errors' not in text and 'requests in' in text, text)


def h2load(box):
    with Target(box) as s, s.watched(48, {'swell_responses_total{class="2xx"}': 8000}):
        for more in ([], ['-m8']):
            text = run('h2load', '--h1', '-n4000', '-c20', *more, url(s, '/hello'))
            expect('4000 succeeded, 0 failed, 0 errored' in text, text)
        run('h2load', '--h1', '-n200', '-c4', '-d', __file__, url(s, '/echo'))


def ab(box):
    with Target(box) as s, s.watched(48, {'swell_responses_total{class="2xx"}': 2000}):
        for words in ([], ['-k']):
            text = run('ab', '-q', '-n1000', '-c16', *words, url(s, '/hello'))
            expect(re.search(r'Failed requests: +0\n', text) and 'Non-2xx' not in text, text)


def python(box):
    """Its http.client keeps one connection for all."""
    accepted = 'swell_connections_accepted_total'
    with Target(box) as s, s.watched():
        before = s.counts()[accepted]
        client = http.client.HTTPConnection(s.host, s.port, timeout=LIMIT)

        def ask(method, path, **more):
            client.request(method, path, **more)
            answer = client.getresponse()
            return answer.status, answer.read()
        for _ in range(20):
            expect(ask('GET', '/hello') == (200, b'hello, world\n'), 'GET')
            expect(ask('POST', '/echo', body=b'abc' * 40000) == (200, b'abc' * 40000), 'POST')
            expect(ask('PUT', '/count', body=iter([b'ab', b'', b'cd']), encode_chunked=True,
                       headers={'Transfer-Encoding': 'chunked'}) == (200, b'4 bytes\n'), 'PUT')
            expect(ask('HEAD', '/hello') == (200, b''), 'HEAD')
            expect(ask('GET', '/status/204') == (204, b''), '204')
        expect(s.counts()[accepted] - before == 1, 'the connection is not kept')
        client.close()


NODE = '''
const http = require('http'), origin = process.argv[1];
const check = (holds, what) => { if (!holds) { console.error('wrong: ' + what); process.exit(1); } };
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
const ask = (method, path, body, options) => new Promise((done, fail) => {
  const r = http.request(origin + path, { method, agent, ...options }, a => {
    let text = '';
    a.on('data', d => text += d).on('end', () => done({ status: a.statusCode, text, trailers: a.trailers,
                                                        reused: r.reusedSocket }));
  }).on('error', fail);
  for (const piece of body || []) r.write(piece);
  r.end();
});
(async () => {
  const many = await Promise.all(Array.from({ length: 40 }, () => ask('GET', '/hello')));
  check(many.every(a => a.status == 200 && a.text == 'hello, world\\n'), 'hello');
  check((await ask('GET', '/hello')).reused && (await ask('GET', '/hello')).reused, 'connections are not kept');
  const echoed = await ask('POST', '/echo', ['abc', 'def']);
  check(echoed.text == 'abcdef', 'echo');
  check((await ask('GET', '/trailers')).trailers['x-sum'] == '42', 'trailers');
  check((await ask('POST', '/count', ['x'.repeat(100000)], { headers: { Expect: '100-continue' } })).text
        == '100000 bytes\\n', 'expect');
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) =>
    fetch(origin + '/echo', { method: 'POST', body: 'x'.repeat(i * 5000) }).then(a => a.text())));
  check(all.every((text, i) => text.length == i * 5000), 'fetch');
  const stream = new ReadableStream({ start(c) { c.enqueue(new Uint8Array(70000)); c.close(); } });
  const streamed = await fetch(origin + '/count', { method: 'POST', body: stream, duplex: 'half' });
  check(await streamed.text() == '70000 bytes\\n', 'a stream');
  const gone = new AbortController();
  const waiting = fetch(origin + '/wait/20000', { signal: gone.signal }).catch(e => e.name);
  setTimeout(() => gone.abort(), 200);
  check(await waiting == 'AbortError', 'abort');
  agent.destroy();
  process.exit(0);
})();
'''


def node(box):
    with Target(box) as s, s.watched(32, {'swell_guest_cancelled_total': 1}):
        run(os.environ.get('SWELL_NODE', 'node'), '-e', NODE, url(s, ''))


def netcat(box):
    """Lines by hand, as people try servers."""
    with Target(box) as s, s.watched():
        c = s.open(HELLO.replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n'))
        got = b''
        while piece := c.recv(1000):
            got += piece
        expect(got.endswith(b'\r\n\r\nhello, world\n'), f'{got}')


CASES = [
    Case('curl', call=curl),
    Case('curl sees what is cut', call=curl_is_cut),
    Case('wrk', call=wrk),
    Case('h2load', call=h2load),
    Case('ab', call=ab),
    Case('Python', call=python),
    Case('node', call=node),
    Case('by hand', call=netcat),
]
