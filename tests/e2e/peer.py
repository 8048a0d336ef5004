"""A server on loopback whose every byte a case decides, and which remembers what it was sent."""
import re
import socket
import struct
import threading
import time

PATIENCE_SECONDS = 20


class Cut:
    """In an answer's place: the connection ends here, without a word."""


class Reset:
    """In an answer's place: the connection is reset."""


class Silence:
    """In an answer's place: nothing, until the other side gives up."""


class Peer:
    """Takes one connection after the other; connections[i] are the answers on the i-th, in order: bytes,
    or one of the classes above. A connection is closed after its last answer."""

    def __init__(self, *connections):
        self.connections = connections
        self.requests = []   # (number of the connection, head, body)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(PATIENCE_SECONDS)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes an accept that still waits
        except OSError:
            pass
        self.listener.close()
        self.thread.join(PATIENCE_SECONDS)

    @property
    def origin(self):
        return f'http://127.0.0.1:{self.port}'

    def serve(self):
        for number, answers in enumerate(self.connections):
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(PATIENCE_SECONDS)
                try:
                    self.talk(number, connection, answers)
                except OSError:
                    pass

    def talk(self, number, connection, answers):
        rest = b''
        for answer in answers:
            head, body, rest = read_request(connection, rest)
            if head is None:
                return
            self.requests.append((number, head, body))
            if answer is Cut:
                return
            if answer is Reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                return
            if answer is Silence:
                connection.recv(1)
                return
            for piece in answer if isinstance(answer, list) else [answer]:
                if isinstance(piece, float):
                    time.sleep(piece)
                elif piece is Silence:
                    connection.recv(1)
                    return
                else:
                    connection.sendall(piece)


def read_request(connection, data):
    """(head, body, what came behind), or (None, ...) at the end of the connection."""
    while b'\r\n\r\n' not in data:
        more = connection.recv(65536)
        if not more:
            return None, b'', b''
        data += more
    head, data = data.split(b'\r\n\r\n', 1)
    length = re.search(rb'\r\ncontent-length: (\d+)', head, re.I)
    if re.search(rb'\r\ntransfer-encoding: chunked', head, re.I):
        return (head.decode(), *read_chunks(connection, data))
    wanted = int(length.group(1)) if length else 0
    while len(data) < wanted:
        data += connection.recv(65536)
    return head.decode(), data[:wanted], data[wanted:]


def read_chunks(connection, data):
    body = b''
    while True:
        while b'\r\n' not in data:
            data += connection.recv(65536)
        line, data = data.split(b'\r\n', 1)
        size = int(line, 16)
        while len(data) < size + 2:
            data += connection.recv(65536)
        body, data = body + data[:size], data[size + 2:]
        if size == 0:
            return body, data
