"""HTTP/2 frame by frame: what a client writes that knows the rules and breaks them one at a time."""
import socket
import struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
(NO_ERROR, PROTOCOL, INTERNAL, FLOW_CONTROL, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE, REFUSED, CANCEL, COMPRESSION,
 CONNECT_ERROR, CALM) = range(12)
END_STREAM = ACK = 1
END_HEADERS, PADDED, HAS_PRIORITY = 4, 8, 32
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # in the static table


def frame(kind, stream=0, payload=b'', flags=0, length=None):
    size = len(payload) if length is None else length
    return struct.pack('>IBI', size << 8 | kind, flags, stream) + payload


def integer(value, bits, first=0):
    """HPACK: an integer after the bits of the first byte."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return integer(len(value), 7) + value


def field(name, value):
    """A literal that goes into no table."""
    return b'\0' + text(name) + text(value)


def block(fields):
    return b''.join(field(name, value) for name, value in fields)


def head(method='GET', path='/hello', more=(), drop=(), first=()):
    """The fields of a request, some of them left out, some put in front or behind."""
    usual = [(':method', method), (':scheme', 'http'), (':path', path), (':authority', 'localhost')]
    return block([*first, *[f for f in usual if f[0] not in drop], *more])


def request(method='GET', path='/hello', more=(), stream=1, ends=True, **rest):
    return frame(HEADERS, stream, head(method, path, more, **rest), END_HEADERS | (END_STREAM if ends else 0))


def data(payload=b'', stream=1, ends=False):
    return frame(DATA, stream, payload, END_STREAM if ends else 0)


def settings(*pairs):
    return frame(SETTINGS, 0, b''.join(struct.pack('>HI', *p) for p in pairs))


def window(stream, more):
    return frame(WINDOW_UPDATE, stream, struct.pack('>I', more))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, stream, struct.pack('>I', code))


def status_of(block):
    """Of an answer's head, whose first field it is; None for anything that the table below does not know."""
    while block and block[0] >> 5 == 1:  # a new size of the table
        block = block[1:]
    if block and block[0] >> 7:
        return STATUS.get(block[0] & 127)
    if block[:1] not in (b'\x08', b'\x48'):
        return None
    size, value = block[1] & 127, block[2:2 + (block[1] & 127)]
    if block[1] < 128:
        return int(value)
    # By Huffman's code digits below 3 have five bits, which are the digit, the others six.
    bits, left, digits = int.from_bytes(value, 'big'), 8 * size, ''
    while len(digits) < 3:
        short = bits >> left - 5 & 31
        left -= 5 if short < 3 else 6
        digits += str(short if short < 3 else (bits >> left & 63) - 0x16)
    return int(digits)


class Client:
    """A connection; what came is kept: goaway, resets and answers by stream, whether it was closed."""

    def __init__(self, address, limit, first=PREFACE + settings()):
        self.socket = socket.create_connection(address, limit)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.closed, self.goaway, self.last = b'', False, None, None
        self.resets, self.statuses, self.ended, self.bytes, self.pongs = {}, {}, set(), {}, 0
        self.send(first)

    def send(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError:
            self.closed = True

    def take(self, kind, flags, stream, payload):
        if kind == GOAWAY:
            self.last, self.goaway = struct.unpack('>II', payload[:8])
        elif kind == RST_STREAM:
            self.resets[stream] = struct.unpack('>I', payload)[0]
        elif kind == HEADERS:
            self.statuses[stream] = status_of(payload)
        elif kind == DATA:
            self.bytes[stream] = self.bytes.get(stream, 0) + len(payload)
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, 0, b'', ACK))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.ended.add(stream)

    def read(self):
        """One frame. False: the connection is closed."""
        while not self.closed:
            if len(self.buffer) >= 9:
                size = int.from_bytes(self.buffer[:3], 'big')
                if len(self.buffer) >= 9 + size:
                    kind, flags, stream = struct.unpack('>BBI', self.buffer[3:9])
                    payload, self.buffer = self.buffer[9:9 + size], self.buffer[9 + size:]
                    self.take(kind, flags, stream & 0x7fffffff, payload)
                    return True
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionResetError:
                more = b''
            self.buffer += more
            self.closed = not more
        return False

    def sync(self, times=2):
        """Until the server has read all and written what it had to: an answer to a ping may overtake others."""
        for _ in range(times):
            before = self.pongs
            self.send(frame(PING, 0, bytes(8)))
            while self.pongs == before and self.read():
                pass
        return not self.closed

    def await_end(self, stream):
        while stream not in self.ended and stream not in self.resets and self.read():
            pass
        return stream in self.ended

    def close(self):
        self.socket.close()
