"""What `/metrics` says: its form, as Prometheus reads it, and that meeting each limit is counted."""
import re
import socket
import time

from cases_serve import LIMIT, Server
from harness import Case, expect

NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*')
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+-]+|[+-]Inf|NaN)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
TYPES = {'counter', 'gauge', 'histogram'}
UNITS = {'milliseconds', 'microseconds', 'nanoseconds', 'kilobytes', 'megabytes', 'ms', 'us', 'minutes'}


def labels_of(text):
    found, at = {}, 0
    while text and at < len(text):
        m = LABEL.match(text, at)
        expect(m, f'labels {text!r}')
        expect(m.group(1) not in found, f'{m.group(1)} twice in {text!r}')
        found[m.group(1)] = m.group(2)
        at = m.end()
    return found


class Page:
    """The text form (version 0.0.4), read as strictly as promtool's check does."""

    def __init__(self, text):
        self.types, self.help, self.samples = {}, {}, {}
        self.current = None
        expect(text.endswith('\n'), 'the last line has no end')
        for line in text[:-1].split('\n'):
            if line.startswith('# '):
                self.take_comment(line)
            else:
                self.take_sample(line)
        for name, kind in self.types.items():
            self.check(name, kind)

    def take_comment(self, line):
        _, word, name, rest = line.split(' ', 3)
        expect(NAME.fullmatch(name) and rest, f'{line!r}')
        if word == 'HELP':
            expect(name not in self.help, f'{name} has two helps')
            self.help[name] = rest
            return
        expect(word == 'TYPE' and rest in TYPES and name not in self.types, f'{line!r}')
        expect(name in self.help, f'{name} has no help before its type')
        self.types[name], self.current = rest, name

    def take_sample(self, line):
        m = SAMPLE.fullmatch(line)
        expect(m, f'no sample: {line!r}')
        name, labels, value = m.group(1), labels_of(m.group(2)), float(m.group(3))
        family = re.sub('_(bucket|sum|count)$', '', name) if self.types[self.current] == 'histogram' else name
        expect(family == self.current, f'{name} among the samples of {self.current}')
        key = name, tuple(sorted(labels.items()))
        expect(key not in self.samples, f'{key} twice')
        self.samples[key] = value

    def check(self, name, kind):
        mine = {key: value for key, value in self.samples.items()
                if key[0] == name or (kind == 'histogram' and key[0].startswith(name + '_'))}
        expect(mine, f'{name} has no samples')
        expect(name.endswith('_total') == (kind == 'counter'), f'{name} is a {kind}')
        expect(not set(name.split('_')) & UNITS, f'{name} has no base unit')
        expect(kind == 'gauge' or all(value >= 0 for value in mine.values()), f'{name} is negative')
        if kind == 'histogram':
            self.check_histogram(name)

    def check_histogram(self, name):
        buckets = [(dict(labels)['le'], value) for (key, labels), value in self.samples.items()
                   if key == name + '_bucket']
        bounds, values = [float(le.replace('+Inf', 'inf')) for le, _ in buckets], [v for _, v in buckets]
        expect(bounds == sorted(set(bounds)) and bounds[-1] == float('inf'), f'bounds of {name}: {bounds}')
        expect(values == sorted(values), f'{name} is not cumulative: {values}')
        expect(values[-1] == self.value(name + '_count'), f'{name}: {values[-1]} and its count')
        expect(self.value(name + '_sum') >= 0, f'{name} has no sum')

    def value(self, name, **labels):
        return self.samples[name, tuple(sorted(labels.items()))]


def page_of(server):
    status, text = server.get('/metrics', port=server.admin_port())
    expect(status == 200, f'/metrics gives {status}')
    return Page(text.decode())


def form(box):
    options = ['--admin', '127.0.0.1:0', '--workers', '2', '--otlp', 'http://127.0.0.1:9']
    with Server(box, options=options) as s:
        page_of(s)
        for path in '/hello', '/status/404', '/trap', '/grow/3', '/wait/30':
            s.get(path)
        s.await_metric('swell_request_seconds_count', 5)
        page = page_of(s)
        expect(page.value('swell_request_seconds_sum') >= 0.03, 'time is lost')
        expect(page.value('swell_guest_seconds_count') == 5, 'guests are not counted')
        expect(page.value('swell_guest_seconds_sum') >= 0.03, 'time of guests is lost')
        expect(page.value('swell_responses_total', **{'class': '4xx'}) == 1, 'no 404')
        expect(page.value('swell_guest_memory_peak_bytes') >= 3 << 20, 'no peak of memory')
        expect(page.value('swell_guest_host_memory_peak_bytes') > 0, 'no peak of host memory')
        expect(page.types['swell_spans_exported_total'] == 'counter', 'spans are not counted')


def documented(box):
    """Every metric is in the manual, and the manual has no others."""
    from harness import ROOT
    text = (ROOT / 'docs' / 'serve.md').read_text()
    with Server(box, options=['--admin', '127.0.0.1:0', '--otlp', 'http://127.0.0.1:9']) as s:
        names = set(page_of(s).types)
    found = set(re.findall(r'`((?:swell|process)_[a-z0-9_]+)', text))
    expect(found == names, f'only there: {sorted(found - names)}; only here: {sorted(names - found)}')


def get(path, **more):
    return lambda s: s.get(path, **more)


def raw(data, wait=True):
    """Sends bytes and reads to the end."""
    def act(s):
        with s.connect() as c:
            c.sendall(data)
            while wait and c.recv(65536):
                pass
    return act


def slow_reader(s):
    with socket.socket() as c:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.connect((s.host, s.port))
        c.sendall(b'GET /big/100000000 HTTP/1.1\r\nhost: x\r\n\r\n')
        s.await_metric('swell_http_timeouts_total', 1)


def many_connections(s):
    connections = [s.connect() for _ in range(8)]
    time.sleep(0.1)
    for c in connections:
        c.close()


def busy(count):
    """So many requests at once, the first of which take their time."""
    def act(s):
        connections = []
        for _ in range(count):
            c = s.connect()
            c.sendall(b'GET /wait/500 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
            connections.append(c)
            time.sleep(0.05)
        for c in connections:
            while c.recv(65536):
                pass
            c.close()
    return act


HEAD = b'GET /hello HTTP/1.1\r\nhost: x\r\n'
ONE = ['--workers', '1']
# What meets a limit, the option that sets it, and the metric that counts it.
LIMITS = [
    ('a head', ['--max-head', '1KiB'], get('/hello', headers={'x': 'y' * 2000}), 'swell_http_refused_total{status="431"}'),
    ('fields', ['--max-fields', '4'], get('/hello', headers={f'x{k}': 'y' for k in range(9)}),
     'swell_http_refused_total{status="431"}'),
    ('a body', ['--max-body', '1KiB'], get('/echo', method='POST', body=b'x' * 2000),
     'swell_http_refused_total{status="413"}'),
    ('a body in chunks', ['--max-body', '1KiB'],
     raw(b'POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n800\r\n' + b'x' * 2048 + b'\r\n0\r\n\r\n'),
     'swell_http_refused_total{status="413"}'),
    ('time of a head', ['--head-timeout', '200ms'], raw(HEAD), 'swell_http_refused_total{status="408"}'),
    ('time of a body', ['--body-timeout', '200ms'],
     raw(b'POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc'), 'swell_http_refused_total{status="408"}'),
    ('idle time', ['--idle-timeout', '200ms'], raw(HEAD + b'\r\n'), 'swell_http_timeouts_total'),
    ('a peer that does not read', ['--write-timeout', '200ms'], slow_reader, 'swell_http_timeouts_total'),
    ('connections', [*ONE, '--max-connections', '4'], many_connections, 'swell_connections_refused_total'),
    ('running requests', [*ONE, '--max-requests', '1'], busy(2), 'swell_requests_queued_total'),
    ('the queue', [*ONE, '--max-requests', '1', '--max-queue', '1'], busy(3), 'swell_requests_refused_queue_full_total'),
    ('time in the queue', [*ONE, '--max-requests', '1', '--queue-timeout', '100ms'], busy(2),
     'swell_requests_refused_queue_timeout_total'),
    ('time of a guest', ['--timeout', '200ms'], get('/spin'), 'swell_guest_deadlines_total'),
    ('time of a guest that waits', ['--timeout', '200ms'], get('/wait/60000'), 'swell_guest_deadlines_total'),
    ('memory', ['--max-memory', '4MiB'], get('/grow/9'), 'swell_guest_memory_refused_total'),
    ('memory of the host', ['--max-host-memory', '1MiB'], get('/hoard'), 'swell_guest_host_memory_refused_total'),
    ('stack', ['--max-stack', '1MiB'], get('/recurse'), 'swell_guest_stacks_exhausted_total'),
    ('lines', ['--max-log', '1KiB'], get('/say/100/100'), 'swell_log_dropped_lines_total'),
]


def met(options, act, metric):
    def call(box):
        with Server(box, options=[*options, '--admin', '127.0.0.1:0']) as s:
            expect(s.metric(metric) == 0, f'{metric} is not 0 at first')
            act(s)
            end = time.monotonic() + LIMIT
            while s.metric(metric) == 0 and time.monotonic() < end:
                time.sleep(0.02)
            expect(s.metric(metric) > 0, f'{metric} stays 0; log: {s.log()}')
            page_of(s)
            s.expect('/hello', 200, b'hello, world\n')
    return call


def waiting(box):
    """What waits is in the histogram of the queue, whether it got its turn or not."""
    options = [*ONE, '--max-requests', '1', '--admin', '127.0.0.1:0']
    with Server(box, options=options) as s:
        busy(3)(s)
        s.await_metric('swell_queue_seconds_count', 2)
        expect(page_of(s).value('swell_queue_seconds_sum') > 0.3, 'time in the queue is lost')


CASES = [
    Case('the form', call=form),
    Case('the manual', call=documented),
    Case('the queue', call=waiting),
    *(Case(f'limit: {name}', call=met(options, act, metric)) for name, options, act, metric in LIMITS),
]
