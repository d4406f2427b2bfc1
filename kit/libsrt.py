"""The little that is needed of libsrt, a C library of the system, where it is installed.

Nothing here blocks: connections and messages are asked for again and again by who wants them.
Names, numbers and layouts are those of `srt/srt.h`, 1.4 and later.
"""

import ctypes
import socket
import struct
import threading
from ctypes.util import find_library
from typing import NamedTuple

NAMES = ("libsrt-gnutls.so.1.5", "libsrt.so.1.5", "libsrt-openssl.so.1.5", "libsrt-gnutls.so.1.4")
"""As distributions call it."""

MISSING = "libsrt is not installed: apt-get install libsrt1.5-gnutls"

RCVSYN = 2
LATENCY = 23
PASSPHRASE = 26
PBKEYLEN = 27
CONNTIMEO = 36
STREAMID = 46
TRANSTYPE = 50
IPV6ONLY = 54
PEERIDLETIMEO = 55
"""Options, `SRTO_…`."""

LIVE = 0
"""`SRTT_LIVE`: messages of 1316 bytes, each delivered in its time or not at all."""

MESSAGE = 1456
"""Bytes of the longest message, `SRT_LIVE_MAX_PLSIZE`; what senders send is 1316 as a rule."""

CONNECTED, BROKEN = 5, 6
"""States, `SRTS_…`; those above are broken as well."""

NOTHING_YET = 6000
"""Errors from here to the next thousand, `MJ_AGAIN`, only say that one has to ask again."""

CONNECTION = 2000
"""Errors from here to the next thousand, `MJ_CONNECTION`: it is over."""

BAD_SECRET, UNSECURE, TIMED_OUT = 10, 11, 16
"""Reasons for a rejection, `SRT_REJ_…`."""

STATS = 1024
"""Bytes, more than `SRT_TRACEBSTATS` has in any version."""

TOTALS = (("=q", 16), ("=i", 28), ("=i", 68))
"""In it: `pktRecvTotal`, `pktRcvLossTotal`, `pktRcvDropTotal`; what is behind them has moved."""


class Reception(NamedTuple):
    """Packets of one connection, or of several, since they began."""

    packets: int = 0
    lost: int = 0
    "Missed at first; most of them were sent again."
    dropped: int = 0
    "Came too late to be played, or never."


_loading = threading.Lock()
_loaded: list[ctypes.CDLL] = []


class LibraryMissing(OSError):
    """There is no libsrt on this machine."""


class SrtFailed(OSError):
    """A call of the library failed; `errno` is the library's number, not the system's."""


def load() -> ctypes.CDLL:
    """The library, started. Raises `LibraryMissing`; it is looked for anew each time."""
    with _loading:
        if not _loaded:
            library = _find()
            _declare(library)
            library.srt_startup()
            # It would write what it does to stderr, addresses included.
            library.srt_resetlogfa(None, 0)
            _loaded.append(library)
        return _loaded[0]


def _find() -> ctypes.CDLL:
    for name in NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    found = find_library("srt-gnutls") or find_library("srt")
    if found is None:
        raise LibraryMissing(MISSING)
    return ctypes.CDLL(found)


def _declare(library: ctypes.CDLL) -> None:
    number, text = ctypes.c_int, ctypes.c_char_p
    arguments = {
        "srt_setsockflag": (number, number, ctypes.c_void_p, number),
        "srt_connect": (number, text, number),
        "srt_bind": (number, text, number),
        "srt_listen": (number, number),
        "srt_accept": (number, ctypes.c_void_p, ctypes.c_void_p),
        "srt_getsockstate": (number,),
        "srt_getrejectreason": (number,),
        "srt_recvmsg": (number, ctypes.c_void_p, number),
        "srt_close": (number,),
        "srt_bistats": (number, ctypes.c_void_p, number, number),
        "srt_getlasterror": (ctypes.c_void_p,),
        "srt_resetlogfa": (ctypes.c_void_p, ctypes.c_size_t),
    }
    for name, types in arguments.items():
        getattr(library, name).argtypes = types


def version() -> str:
    """Raises `LibraryMissing`."""
    number = int(load().srt_getversion())
    return f"{number >> 16}.{number >> 8 & 255}.{number & 255}"


class SrtSocket:
    """One end of a connection, or a listener. May be closed from any thread at any time."""

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self.library, self.handle = library, handle

    @classmethod
    def create(cls) -> "SrtSocket":
        library = load()
        made = cls(library, library.srt_create_socket())
        made._check(made.handle)
        made.set_number(TRANSTYPE, LIVE)
        made.set_number(RCVSYN, 0)
        return made

    def set_number(self, option: int, value: int) -> None:
        self._set(option, struct.pack("=i", value))

    def set_text(self, option: int, value: str) -> None:
        self._set(option, value.encode())

    def _set(self, option: int, value: bytes) -> None:
        self._check(self.library.srt_setsockflag(self.handle, option, value, len(value)))

    def connect(self, address: bytes) -> None:
        """Begin to; `state` tells when it is done."""
        self._check(self.library.srt_connect(self.handle, address, len(address)))

    def listen(self, address: bytes) -> None:
        self._check(self.library.srt_bind(self.handle, address, len(address)))
        self._check(self.library.srt_listen(self.handle, 1))

    def accept(self) -> "SrtSocket | None":
        """Who has called, if anybody has; like the listener, it does not block."""
        handle = self.library.srt_accept(self.handle, None, None)
        return None if self._must_wait(handle) else SrtSocket(self.library, handle)

    @property
    def state(self) -> int:
        return int(self.library.srt_getsockstate(self.handle))

    @property
    def rejection(self) -> int:
        """Why it could not connect."""
        return int(self.library.srt_getrejectreason(self.handle))

    def receive(self, into: "ctypes.Array[ctypes.c_char]", at: int) -> int | None:
        """Bytes of one message put to `at`, where `MESSAGE` bytes must be free; None: not yet."""
        place = ctypes.addressof(into) + at
        received = self.library.srt_recvmsg(self.handle, place, MESSAGE)
        return None if self._must_wait(received) else int(received)

    def reception(self) -> "Reception | None":
        """What has been received since it was made; None: it is gone."""
        stats = ctypes.create_string_buffer(STATS)
        if self.library.srt_bistats(self.handle, stats, 0, 1) < 0:
            return None
        return Reception(*(struct.unpack_from(form, stats, at)[0] for form, at in TOTALS))

    def close(self) -> None:
        self.library.srt_close(self.handle)

    def _must_wait(self, result: int) -> bool:
        if result >= 0:
            return False
        error = self.library.srt_getlasterror(None)
        if not NOTHING_YET <= error < NOTHING_YET + 1000:
            raise SrtFailed(error, "libsrt")
        return True

    def _check(self, result: int) -> None:
        if result < 0:
            raise SrtFailed(self.library.srt_getlasterror(None), "libsrt")


def address_of(family: int, address: tuple[str | int | bytes, ...]) -> bytes:
    """A `struct sockaddr`, from what `socket.getaddrinfo` says."""
    host, port = str(address[0]).partition("%")[0], int(address[1])
    start = struct.pack("=H", family) + struct.pack("!H", port)
    packed = socket.inet_pton(family, host)
    if family == socket.AF_INET:
        return start + packed + bytes(8)
    flow, scope = int(address[2]), int(address[3])
    return start + struct.pack("!I", flow) + packed + struct.pack("=I", scope)
