"""A server with network faults, over TCP or TLS."""

import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

type Respond = Callable[["Stream"], bool]
"""Answers a request; whether the connection stays open."""

GOOD = b'{"Responses":[{}]}'


@dataclass
class Stream:
    """The server's end of a connection, with the request that it read last."""

    sock: socket.socket
    request: bytes = b""

    def read_request(self, size: int = 65536, delay: float = 0) -> bool:
        """Read one request, at most `size` bytes at a time; False when the client closed."""
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0 or len(data) < end + 4 + _length(data[:end]):
            if delay:
                time.sleep(delay)
            part = self.sock.recv(size)
            if not part:
                return False
            data += part
        self.request = data
        return True

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def message(
    status: int = 200, content: bytes = GOOD, *, checksum: int | None = None, more: bytes = b""
) -> bytes:
    """An answer of DynamoDB; with its right checksum if none is given."""
    checksum = zlib.crc32(content) if checksum is None else checksum
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nx-amz-crc32: %d\r\n%b\r\n%b" % (
        status,
        len(content),
        checksum,
        more,
        content,
    )


def _sending(name: str, data: bytes, *, stays: bool = True) -> Respond:
    """Answer with these bytes; the name is that of its tests."""

    def respond(stream: Stream) -> bool:
        stream.send(data)
        return stays

    respond.__name__ = name
    return respond


good = _sending("good", message())
failing = _sending("failing", message(500, b'{"__type":"x#InternalServerError"}'))
html = _sending("html", message(503, b"<html>"))
throttling = _sending("throttling", message(400, b'{"__type":"x#ThrottlingException"}'))
refusing = _sending("refusing", message(400, b'{"__type":"x#ValidationException","message":"no"}'))
corrupt = _sending("corrupt", message(checksum=1))
no_checksum = _sending("no_checksum", message().replace(b"x-amz-crc32: ", b"x-amz-crc32: no"))
not_http = _sending("not_http", b"SSH-2.0-OpenSSH_9.6\r\n")
http_1_0 = _sending("http_1_0", message().replace(b"HTTP/1.1", b"HTTP/1.0"), stays=False)
closing = _sending("closing", message(more=b"Connection: close\r\n"), stays=False)
"""Announces that the connection closes after this answer."""


def reset(stream: Stream) -> bool:
    stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang_up(stream: Stream) -> bool:
    return False


def cut(stream: Stream) -> bool:
    """Close in the middle of the body."""
    stream.send(message()[:-8])
    return False


def reset_midway(stream: Stream) -> bool:
    stream.send(message()[:-8])
    time.sleep(0.02)
    return reset(stream)


def silent(stream: Stream) -> bool:
    """Keep the connection open, and answer nothing."""
    with suppress(OSError):
        stream.sock.settimeout(5)
        stream.sock.recv(1)
    return False


def chunked(stream: Stream) -> bool:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-amz-crc32: %d\r\n\r\n"
    stream.send(head % zlib.crc32(GOOD))
    for part in (GOOD[:5], GOOD[5:]):
        stream.send(b"%x\r\n%b\r\n" % (len(part), part))
    stream.send(b"0\r\n\r\n")
    return True


def in_pieces(stream: Stream) -> bool:
    for byte in message():
        stream.send(bytes([byte]))
        time.sleep(0.0001)
    return True


def closing_idle(stream: Stream) -> bool:
    """Close without a word, a moment after the answer."""
    stream.send(message())
    time.sleep(0.03)
    return False


def answering_twice(stream: Stream) -> bool:
    stream.send(message())
    time.sleep(0.03)
    stream.send(message(content=b'{"of":"another"}'))
    return True


@dataclass
class Server:
    """Answers request after request with `script`, then well."""

    script: list[Respond] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    read_size: int = 65536
    read_delay: float = 0
    requests: int = 0
    connections: int = 0

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):  # wakes the thread that accepts
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            stream = Stream(self.tls.wrap_socket(sock, server_side=True) if self.tls else sock)
            with stream.sock:
                while stream.read_request(self.read_size, self.read_delay):
                    with self._lock:
                        self.requests += 1
                        respond = self.script.pop(0) if self.script else good
                    if not respond(stream):
                        return


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server at 127.0.0.1 and of a client that trusts it, and nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    at, day = datetime.now(UTC), timedelta(days=1)
    address = x509.IPAddress(ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - day)
        .not_valid_after(at + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    path = folder / "server.pem"
    path.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())
