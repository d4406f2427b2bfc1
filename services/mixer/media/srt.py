"""SRT, which the libav of PyAV's wheel is not built with: a file-like object for `av.open`.

Reading asks a hundred times a second for what has come, instead of being woken for each of the
messages: several hundred a second, and waking up costs more than taking them.
"""

import contextlib
import ctypes
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import msgspec

from kit import libsrt
from kit.libsrt import LibraryMissing, Reception, SrtFailed, SrtSocket

LATENCY = 200
"""Milliseconds in which a lost message may be sent again, unless the URL or the sender says more:
enough for three round trips across a continent."""

LONGEST_LATENCY = 10_000
"""Milliseconds; a number above is taken for microseconds, in which ffmpeg and OBS write it."""

PASSPHRASE_LENGTH = range(10, 80)
STREAM_ID_LENGTH = range(513)
KEY_LENGTHS = ("16", "24", "32")
"""Bytes, as the library allows them."""

PAUSE = 0.01
"""Seconds between questions; the latency hides it."""

BUFFER = 32 * libsrt.MESSAGE
"""Bytes that are taken at once: 10 ms of 30 Mbit/s."""

REJECTIONS = {
    libsrt.BAD_SECRET: "the passphrase is wrong",
    libsrt.TIMED_OUT: "nothing answered",
    1400: "the call was refused: it did not understand the stream id",
    1401: "the call was refused: not authorised",
    1403: "the call was refused: forbidden",
    1404: "the call was refused: no such stream",
    1409: "the call was refused: the stream is in use",
}
"""The higher ones by convention of `srt/access_control.h`."""


class Meter:
    """What all connections of this process have received; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[SrtSocket] = set()
        self._before = Reception()
        "Of those that are closed."

    def add(self, sock: SrtSocket) -> None:
        with self._lock:
            self._open.add(sock)

    def remove(self, sock: SrtSocket) -> None:
        with self._lock:
            if sock in self._open:
                self._open.remove(sock)
                self._before = _sum([self._before, sock.reception()])

    def look(self) -> Reception:
        with self._lock:
            return _sum([self._before, *(sock.reception() for sock in self._open)])


def _sum(some: list[Reception | None]) -> Reception:
    return Reception(*map(sum, zip(*(one for one in some if one is not None), strict=True)))


METER = Meter()


class NoStream(OSError):
    """No stream can be had; its text is of fixed words and holds nothing of the URL."""


class Address(msgspec.Struct, frozen=True):
    """What a URL asks for."""

    host: str
    "Empty: any, of a listener."
    port: int
    listener: bool
    stream_id: str
    passphrase: str
    key_length: int
    "Bytes; 0: as the sender has it."
    latency: int
    "Milliseconds."

    def __repr__(self) -> str:
        return "Address(***)"


def parse(url: str) -> Address:
    """Raises `NoStream`."""
    try:
        # Stream ids begin with `#!::` and SRT knows no fragments.
        parts = urlsplit(url.replace("#", "%23"))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise NoStream("not an address of the form srt://host:port") from None
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    mode = asked.get("mode") or ("caller" if host else "listener")
    if mode not in ("caller", "listener"):
        raise NoStream("the mode must be caller or listener")
    if port is None or not (host or mode == "listener"):
        raise NoStream("not an address of the form srt://host:port")
    passphrase, stream_id = asked.get("passphrase", ""), asked.get("streamid", "")
    if passphrase and len(passphrase.encode()) not in PASSPHRASE_LENGTH:
        raise NoStream("the passphrase must have 10 to 79 characters")
    if len(stream_id.encode()) not in STREAM_ID_LENGTH:
        raise NoStream("the stream id must have at most 512 characters")
    key_length = asked.get("pbkeylen", "0")
    return Address(
        host=host,
        port=port,
        listener=mode == "listener",
        stream_id=stream_id,
        passphrase=passphrase,
        key_length=int(key_length) if key_length in KEY_LENGTHS else 0,
        latency=_milliseconds(asked.get("latency", "")),
    )


def _milliseconds(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(LONGEST_LATENCY * 1000)):
        return LATENCY
    number = int(text)
    return number if number <= LONGEST_LATENCY else min(number // 1000, LONGEST_LATENCY)


class SrtStream:
    """A connection to read from; `close` may be called by any thread."""

    def __init__(
        self,
        url: str,
        *,
        open_timeout: float,
        read_timeout: float,
        given_up: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects. A caller has `open_timeout` seconds for that; a listener waits for its caller
        until `given_up`, because one that came while nobody listened need not come again.
        Raises `NoStream`."""
        self._read_timeout = read_timeout
        self._given_up = given_up
        self._clock = clock
        self._closed = threading.Event()
        self._buffer = ctypes.create_string_buffer(BUFFER)
        self._left = b""
        "Received and not yet read."
        self._over = False
        address = parse(url)
        try:
            self._socket = (
                self._listen(address) if address.listener else (self._call(address, open_timeout))
            )
        except LibraryMissing:
            raise NoStream(libsrt.MISSING) from None
        except SrtFailed:
            raise NoStream("libsrt cannot make such a connection") from None
        METER.add(self._socket)

    def close(self) -> None:
        """Whoever is reading sees the end."""
        self._closed.set()
        METER.remove(self._socket)
        self._socket.close()

    def read(self, size: int) -> bytes:
        """At least a byte, or none at the end. Raises `TimeoutError` once, after that long
        without any."""
        if not self._left:
            self._left = self._receive()
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def _receive(self) -> bytes:
        deadline = self._clock() + self._read_timeout
        while not (self._over or self._is_over()):
            if taken := self._take():
                return ctypes.string_at(self._buffer, taken)
            if self._clock() > deadline:
                self._over = True
                raise TimeoutError
            self._closed.wait(PAUSE)
        return b""

    def _take(self) -> int:
        """Bytes that were there already, put to the beginning of the buffer."""
        filled = 0
        try:
            while filled + libsrt.MESSAGE <= BUFFER:
                received = self._socket.receive(self._buffer, filled)
                if received is None:
                    break
                filled += received
        except SrtFailed:
            # Its sender has hung up or is gone: the end, as it is of a TCP connection.
            self._over = True
        return filled

    def _is_over(self) -> bool:
        return self._closed.is_set() or self._given_up()

    def _call(self, address: Address, seconds: float) -> SrtSocket:
        """Try all that the name stands for, one after the other, each with a part of the time."""
        places = _resolve(address)
        failure = NoStream("nothing answered")
        for place in places:
            sock = _prepared(address)
            try:
                self._connect(sock, place, seconds / len(places), address)
            except BaseException as exc:
                sock.close()
                if not isinstance(exc, NoStream):
                    raise
                failure = exc
            else:
                return sock
        raise failure

    def _connect(self, sock: SrtSocket, place: bytes, seconds: float, address: Address) -> None:
        sock.set_number(libsrt.CONNTIMEO, round(seconds * 1000))
        deadline = self._clock() + seconds
        sock.connect(place)
        while (state := sock.state) != libsrt.CONNECTED:
            if state >= libsrt.BROKEN:
                raise NoStream(_why_rejected(sock.rejection, address))
            if self._clock() > deadline or self._is_over():
                raise NoStream("nothing answered")
            self._closed.wait(PAUSE)

    def _listen(self, address: Address) -> SrtSocket:
        listener = _prepared(address)
        try:
            place = _resolve(address)[0]
            listener.set_number(libsrt.IPV6ONLY, 0)
            try:
                listener.listen(place)
            except SrtFailed:
                raise NoStream("it cannot listen there: taken, or not of this machine") from None
            while not self._is_over():
                if (caller := listener.accept()) is not None:
                    return caller
                self._closed.wait(PAUSE)
            raise NoStream("nothing called")
        finally:
            listener.close()


def _prepared(address: Address) -> SrtSocket:
    sock = SrtSocket.create()
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(sock.close)
        sock.set_number(libsrt.LATENCY, address.latency)
        if address.passphrase:
            sock.set_text(libsrt.PASSPHRASE, address.passphrase)
            sock.set_number(libsrt.PBKEYLEN, address.key_length)
        if address.stream_id and not address.listener:
            sock.set_text(libsrt.STREAMID, address.stream_id)
        cleanup.pop_all()
    return sock


def _resolve(address: Address) -> list[bytes]:
    """IPv4 first: UDP does not say that nobody is there, and most that send SRT know no other."""
    flags = socket.AI_PASSIVE if address.listener else 0
    family = socket.AF_INET if not address.host else socket.AF_UNSPEC
    try:
        found = socket.getaddrinfo(
            address.host or None, address.port, family, socket.SOCK_DGRAM, flags=flags
        )
    except (OSError, UnicodeError):
        raise NoStream("there is no host of that name") from None
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    return [libsrt.address_of(info[0], info[4]) for info in found]


def _why_rejected(reason: int, address: Address) -> str:
    if reason == libsrt.UNSECURE:
        return "it is not encrypted there" if address.passphrase else "it wants a passphrase"
    return REJECTIONS.get(reason, "the call was refused")
