"""What hostile clients need: a server that is watched while it is attacked, and sockets that do as they like."""
import re
import select
import socket
import struct
import threading
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

from cases_serve import LIMIT, Server
from harness import expect, is_sanitized

HELLO = b'GET /hello HTTP/1.1\r\nHost: a\r\n\r\n'
MIB = 1 << 20
GAUGES = ('swell_connections', 'swell_requests_running', 'swell_requests_waiting')


class Target(Server):
    """A server of everything (tests/guests/http/routes.c) with its admin address, which must be after an
    attack what it was before."""

    def __init__(self, box, options=(), **more):
        super().__init__(box, options=['--admin', '127.0.0.1:0', *options], **more)
        self.is_sanitized = is_sanitized()  # it keeps freed memory: sizes say nothing
        self.most_kib = 0

    def descriptors(self):
        return len(list(Path(f'/proc/{self.process.pid}/fd').iterdir()))

    def resident_kib(self):
        """Memory of its own, not that of files."""
        status = Path(f'/proc/{self.process.pid}/status').read_text()
        return sum(int(n) for n in re.findall(r'Rss(?:Anon|Shmem):\s+(\d+)', status))

    def counts(self):
        """All metrics by name."""
        status, page = self.get('/metrics', port=self.admin_port())
        expect(status == 200, f'/metrics gives {status}')
        rows = (line.rsplit(' ', 1) for line in page.decode().splitlines() if not line.startswith('#'))
        return {name: float(value) for name, value in rows}

    def good(self):
        self.expect('/hello', 200, b'hello, world\n')

    @contextmanager
    def watched(self, grows_mib=16, counts=()):
        """Afterwards: answers, nothing of the attack left, memory grown by so much at most (also while it
        lasts), and each of the metrics by at least its number."""
        for _ in range(20):
            self.good()
        self.await_quiet()
        descriptors, resident, before = self.descriptors(), self.resident_kib(), self.counts()
        done = threading.Event()
        sampler = threading.Thread(target=self.sample, args=(done,), daemon=True)
        sampler.start()
        try:
            yield
        finally:
            done.set()
            sampler.join()
        for _ in range(20):
            self.good()
        self.await_quiet()
        self.await_true(lambda: self.descriptors() <= descriptors,
                        lambda: f'{self.descriptors()} descriptors, {descriptors} before')
        after = self.counts()
        for name, least in dict(counts).items():
            grown = after[name] - before[name]
            expect(grown >= least, f'{name} has grown by {grown:g}, not by {least}')
        grown = max(self.most_kib, self.resident_kib()) - resident
        expect(self.is_sanitized or grown <= grows_mib * 1024, f'memory has grown by {grown} KiB')

    def sample(self, done):
        while not done.wait(0.02):
            self.most_kib = max(self.most_kib, self.resident_kib())

    def await_quiet(self):
        """Until no connection is left but the one that asks."""
        self.await_true(lambda: all(self.counts()[name] == 0 for name in GAUGES),
                        lambda: f'still {[(name, self.counts()[name]) for name in GAUGES]}')

    def await_true(self, holds, text):
        end = time.monotonic() + LIMIT / 2
        while not holds() and time.monotonic() < end:
            time.sleep(0.02)
        expect(holds(), f'{text()}; log: {self.log()[-2000:]}')

    def open(self, data=b''):
        c = self.connect()
        if data:
            c.sendall(data)
        return c


def reset(c):
    """The connection ends with a RST."""
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    c.close()


def read_all(c):
    """Everything until the other side has closed; a reset counts as that."""
    c.settimeout(LIMIT / 2)
    got = b''
    try:
        while piece := c.recv(65536):
            got += piece
    except ConnectionError:
        pass
    except TimeoutError:
        expect(False, f'the connection is not closed after {got[:200]!r}')
    return got


def talk(target, data):
    """Sends, and reads until the server has closed. A server may refuse before it has read everything."""
    with target.connect() as c:
        try:
            c.sendall(data)
        except ConnectionError:
            pass
        return read_all(c)


def statuses(answers):
    """The status of each answer in what a connection gave; bodies must not look like one."""
    return [int(status) for status in re.findall(rb'(?:\A|\n)HTTP/1\.1 (\d{3}) ', answers)]


def closed_of(connections, seconds):
    """How many of them the server has closed after so long at most; what comes before is dropped."""
    left, end = set(connections), time.monotonic() + seconds
    poll = select.poll()
    by_number = {c.fileno(): c for c in connections}
    for c in connections:
        c.setblocking(False)
        poll.register(c, select.POLLIN)
    while left and time.monotonic() < end:
        for number, _ in poll.poll(100):
            c = by_number[number]
            try:
                is_open = bool(c.recv(65536))
            except BlockingIOError:
                is_open = True
            except OSError:
                is_open = False
            if not is_open:
                poll.unregister(number)
                left.discard(c)
    return len(connections) - len(left)


def pour(c, size, is_chunked):
    """Sends a body of so many bytes, as fast as it is taken; returns its checksum, or None if the server
    closed before."""
    piece, checksum = bytes(range(256)) * 4096, 0
    try:
        while size > 0:
            part = piece if size >= len(piece) else piece[:size]
            checksum = zlib.crc32(part, checksum)
            c.sendall(b'%x\r\n%b\r\n' % (len(part), part) if is_chunked else part)
            size -= len(part)
        if is_chunked:
            c.sendall(b'0\r\n\r\n')
    except OSError:
        return None
    return checksum
