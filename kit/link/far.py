"""The carrier between hosts: what its two ends say to each other, inside TLS.

The taker says `Hello` and hears `Begin` or `Refusal`, each behind its length; then records come,
a byte of kind and a number before each picture or block, until one side closes. The lender is known
by its certificate's fingerprint, which the bus tells; the taker by a token that only those can make
who have the installation's key.
"""

import hashlib
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from kit.certificate import self_signed
from kit.link.wire import HELLO_LIMIT, FeedGone, Format, Refusal

LENGTH = struct.Struct(">I")
RECORD = struct.Struct(">cQ")
"""Kind (`PICTURE_KIND`, `SOUND_KIND`) and number; the picture or the samples follow."""

MESSAGE_LIMIT = 2 * HELLO_LIMIT
"""Bytes of a hello or an answer."""

STEP_TIMEOUT = 5.0
"""Seconds for connecting, for TLS, for the hello and its answer."""

SEND_TIMEOUT = 3.0
"""Seconds in which a taker must take something; then it is let go."""

SILENCE = 2.0
"""Seconds without a record after which the lender is gone: sound comes every 20 ms."""

SEND_BUFFER = 4 << 20
"""Bytes; one picture of 1920x1080 is 3 MB."""

VALID = timedelta(days=3650)


class Hello(msgspec.Struct, frozen=True):
    name: str
    "Whose feeds."
    token: str
    feed: bytes
    "What the writer's own hello is."


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    format: Format
    age_ns: int
    "How long ago picture 0 was due; clocks of two hosts have no other moment in common."


encode = msgspec.json.Encoder().encode
decode_hello = msgspec.json.Decoder(Hello).decode
decode_answer = msgspec.json.Decoder(Begin | Refusal).decode


class Identity:
    """A certificate of this process's own; its key is on disk only while OpenSSL reads it."""

    def __init__(self, now: datetime) -> None:
        made = self_signed("feeds.rostrum", now, VALID)
        self.fingerprint = fingerprint(made.der)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        with tempfile.TemporaryDirectory(prefix="rostrum-feeds-") as folder:
            path = Path(folder) / "both.pem"
            path.touch(0o600)
            path.write_bytes(made.key + made.certificate)
            self.context.load_cert_chain(path)


def fingerprint(certificate: bytes) -> str:
    """Of a certificate in DER: SHA-256 in hex."""
    return hashlib.sha256(certificate).hexdigest()


def taker_context() -> ssl.SSLContext:
    """Trusts nobody's word but the fingerprint, which `whose` looks at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def whose(sock: ssl.SSLSocket) -> str:
    """The fingerprint of the other side's certificate."""
    return fingerprint(sock.getpeercert(binary_form=True) or b"")


def send_message(sock: socket.socket, message: msgspec.Struct) -> None:
    body = encode(message)
    sock.sendall(LENGTH.pack(len(body)) + body)


def read_message(sock: socket.socket, clock: Callable[[], float] = time.monotonic) -> bytes:
    """Raises FeedGone if it is too long, or the other side closes first; TimeoutError if it is not
    there whole in time, however often a byte of it comes."""
    end = clock() + STEP_TIMEOUT
    try:
        (length,) = LENGTH.unpack(_read(sock, LENGTH.size, end, clock))
        if length > MESSAGE_LIMIT:
            raise FeedGone("a message that is too long")
        return _read(sock, length, end, clock)
    finally:
        sock.settimeout(STEP_TIMEOUT)


def _read(sock: socket.socket, length: int, end: float, clock: Callable[[], float]) -> bytes:
    got = bytearray(length)
    view = memoryview(got)
    while view:
        if (left := end - clock()) <= 0:
            raise TimeoutError
        sock.settimeout(left)
        if not (count := sock.recv_into(view)):
            raise FeedGone("the feed has ended")
        view = view[count:]
    return bytes(got)


def read_into(sock: socket.socket, view: memoryview) -> None:
    """Fill all of it."""
    while view:
        if not (count := sock.recv_into(view)):
            raise FeedGone("the feed has ended")
        view = view[count:]
