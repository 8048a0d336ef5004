"""The serving part of tools/bench: what one machine answers, how late, and what it costs to hold.

Server and client share the machine's cores, so figures mean something only beside the peers', which are
measured in the same run with the same client: nginx (`return 200`), node's own server, and two others that
serve components, `jco serve` (npm) and `wasmtime serve` ($SWELL_WASMTIME, or on PATH). All on loopback, every
load bounded by count or seconds. wrk, h2load and nginx are Debian's; what is not there is named.
"""
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

from common import BUILD, GUESTS, ToolError, jco, run, swell

WORK = BUILD / 'bench'
SECONDS = 3
CONNECTIONS = 64
STEADY_CLIENTS, STEADY_RATE = 10, 100  # each, per second
NEIGHBOURS = 64
IDLE_CONNECTIONS, WAITING_REQUESTS = 10000, 200
HELLO = GUESTS / 'http-hello.component.wasm'
NODE_SERVER = "require('http').createServer((q, r) => r.end('hello, world\\n')).listen(+process.argv[1], '127.0.0.1')"
NGINX = '''worker_processes {cores}; error_log stderr; pid {work}/nginx.pid; daemon off;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {work}/nginx.tmp;
proxy_temp_path {work}/nginx.tmp; fastcgi_temp_path {work}/nginx.tmp; uwsgi_temp_path {work}/nginx.tmp;
scgi_temp_path {work}/nginx.tmp; server {{ listen 127.0.0.1:{port} reuseport backlog=1024;
location / {{ return 200 "hello, world\\n"; }} }} }}
'''


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def first_answer(port, process, path='/'):
    """Waits for the first whole answer; returns the monotonic time of it."""
    ask = f'GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n'.encode()
    give_up = time.perf_counter() + 30
    while time.perf_counter() < give_up:
        try:
            with socket.create_connection(('127.0.0.1', port), 5) as s:
                s.sendall(ask)
                if s.recv(65536):
                    return time.perf_counter()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.0002)
    raise ToolError('a server does not answer')


class Server:
    def __init__(self, command, port):
        self.port = port
        self.before = time.perf_counter()
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)

    def __enter__(self):
        try:
            self.started_s = first_answer(self.port, self.process) - self.before
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # some peers leave their children behind
        except ProcessLookupError:
            pass

    def resident_kib(self):
        with open(f'/proc/{self.process.pid}/status') as f:
            return int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1))


def serving(component, *options):
    port = free_port()
    return Server([swell(), 'serve', '--listen', f'127.0.0.1:{port}', *options, component], port)


def nginx():
    port = free_port()
    config = WORK / 'nginx.conf'
    config.write_text(NGINX.format(cores=os.cpu_count(), work=WORK, port=port))
    return Server([shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin'), '-c', config, '-p', WORK], port)


def node():
    port = free_port()
    return Server([shutil.which(os.environ.get('SWELL_NODE', 'node')), '-e', NODE_SERVER, port], port)


def jco_serve():
    port = free_port()
    return Server([jco(), 'serve', '--host', '127.0.0.1', '--port', port, HELLO], port)


def wasmtime():
    return shutil.which(os.environ.get('SWELL_WASMTIME', 'wasmtime'))


def wasmtime_serve():
    port = free_port()
    return Server([wasmtime(), 'serve', '--addr', f'127.0.0.1:{port}', HELLO], port)


def requests_per_second(server):
    text = run(['wrk', '-t2', f'-c{CONNECTIONS}', f'-d{SECONDS}s', f'http://127.0.0.1:{server.port}/'])
    if 'Non-2xx' in text:
        raise ToolError(text)
    return float(re.search(r'Requests/sec:\s+([\d.]+)', text).group(1))


def latencies_us(server, path='/'):
    """(p50, p99) at a fixed rate far below what the server can do."""
    log = WORK / 'latencies'
    log.unlink(missing_ok=True)
    run(['h2load', '--h1', f'-c{STEADY_CLIENTS}', f'--rps={STEADY_RATE}', '-n',
         STEADY_CLIENTS * STEADY_RATE * SECONDS, f'--log-file={log}', f'http://127.0.0.1:{server.port}{path}'])
    times = []
    for line in log.read_text().splitlines():
        _, status, microseconds = line.split('\t')[:3]
        if status != '200':
            raise ToolError(f'status {status} under steady load')
        times.append(int(microseconds))
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def rates(options, row, missing):
    """The best of the rounds for each server; servers take turns."""
    peers = {  # what it needs, how it is started, and what the ratio must be
        'nginx': (shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin'), nginx, 0.5),
        'node': (shutil.which(os.environ.get('SWELL_NODE', 'node')), node, 1),
        'jco serve': (jco(), jco_serve, None),
        'wasmtime serve': (wasmtime(), wasmtime_serve, 2),
    }
    makers = {'swell': lambda: serving(HELLO)}
    makers.update({name: make for name, (needs, make, _) in peers.items() if needs and options.peers})
    best = {}
    for _ in range(max(2, options.rounds // 2)):
        for name, make in makers.items():
            with make() as server:
                best[name] = max(best.get(name, 0), requests_per_second(server))
    row('serve/hello, fresh instance each', best['swell'], 'req/s')
    for name, (_, _, bar) in peers.items():
        if name in best:
            row(f'serve/hello against {name}', best['swell'] / best[name], f'x {name}', bar, name, best[name],
                higher=True, ratio=best['swell'] / best[name])
        else:
            missing(name)


def spinning(server):
    held = []
    for _ in range(NEIGHBOURS):
        s = socket.create_connection(('127.0.0.1', server.port), 5)
        s.sendall(b'GET /spin HTTP/1.1\r\nHost: bench\r\n\r\n')
        held.append(s)
    time.sleep(0.5)
    return held


def delays(row):
    """Latency at a fixed rate, alone and beside guests that spin until their deadline: the best of three rounds,
    in turns, since whatever else the machine does adds to both."""
    with serving(GUESTS / 'http-routes.component.wasm', '--timeout', '20s') as server:
        alone, crowded = [], []
        for _ in range(3):
            alone.append(latencies_us(server, '/hello'))
            neighbours = spinning(server)
            crowded.append(latencies_us(server, '/hello')[1])
            for s in neighbours:
                s.close()
            time.sleep(0.5)
        (p50, p99), crowded = min(alone, key=lambda each: each[1]), min(crowded)
    row('serve/latency p50', p50, 'us')
    row('serve/latency p99', p99, 'us')
    row(f'serve/p99 beside {NEIGHBOURS} spinning guests', crowded, 'us', None, 'alone', p99)
    row('serve/p99 ratio beside spinning guests', crowded / p99, 'x alone', 3, 'alone', 1.0)


def first_answers(options, row):
    compiled = WORK / 'http-hello.swell'
    run([swell(), 'compile', HELLO, '-o', compiled])
    best = 1e9
    for _ in range(4 * options.rounds):
        with serving(compiled, '--allow-compiled') as server:
            best = min(best, server.started_s)
    row('serve/first answer, compiled', best * 1e3, 'ms', 5)
    script = GUESTS / 'http-js-handler.component.wasm'
    if script.exists():
        best = 1e9
        for _ in range(3):
            with serving(script, '--no-cache') as server:
                best = min(best, server.started_s)
        row('serve/first answer, JavaScript uncached', best * 1e3, 'ms', 500)


def beside_idle(row):
    """The latency of others while many connections are open and silent."""
    with serving(GUESTS / 'http-routes.component.wasm') as server:
        alone, crowded = [], []
        for _ in range(3):
            alone.append(latencies_us(server, '/hello')[1])
            held = [socket.create_connection(('127.0.0.1', server.port), 5) for _ in range(IDLE_CONNECTIONS)]
            crowded.append(latencies_us(server, '/hello')[1])
            for s in held:
                s.close()
        alone, crowded = min(alone), min(crowded)
    row(f'serve/p99 beside {IDLE_CONNECTIONS} idle connections', crowded, 'us', None, 'alone', alone)
    row('serve/p99 ratio beside idle connections', crowded / alone, 'x alone', 2, 'alone', 1.0)


def raise_descriptors():
    """Whether so many connections can be held, on both sides."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard == resource.RLIM_INFINITY or hard > IDLE_CONNECTIONS + 500


def holding(row):
    """Resident bytes of what waits: connections without a request, instances parked in one."""
    with serving(GUESTS / 'http-routes.component.wasm') as server:
        def grown(count, ask):
            before = server.resident_kib()
            held = []
            for _ in range(count):
                s = socket.create_connection(('127.0.0.1', server.port), 5)
                s.sendall(ask)
                held.append(s)
            time.sleep(0.5)
            bytes_each = (server.resident_kib() - before) * 1024 / count
            for s in held:
                s.close()
            time.sleep(0.2)
            return bytes_each
        row('memory/idle connection', grown(IDLE_CONNECTIONS, b''), 'bytes')
        row('memory/live instance', grown(WAITING_REQUESTS, b'GET /wait/5000 HTTP/1.1\r\nHost: bench\r\n\r\n'),
            'bytes')


def serve(options, row, missing):
    if not HELLO.exists():
        missing('the HTTP guests (tools/guests)')
        return
    if shutil.which('wrk'):
        rates(options, row, missing)
    else:
        missing('wrk')
    holds_many = raise_descriptors()
    if shutil.which('h2load'):
        delays(row)
        if holds_many:
            beside_idle(row)
    else:
        missing('h2load (nghttp2-client)')
    first_answers(options, row)
    if holds_many:
        holding(row)
    else:
        missing(f'descriptors for {IDLE_CONNECTIONS} connections (ulimit -n)')
