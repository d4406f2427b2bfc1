"""A TCP connection to a destination, tuned for live media, with every failure told apart."""

import asyncio
import fcntl
import functools
import socket
import ssl
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from kit.addresses import is_public as is_public
from services.rtmp_egress.rtmp.errors import PushError, Refusal
from services.rtmp_egress.rtmp.url import Target

SEND_BUFFER = 256 * 1024
"""Bytes; what the kernel holds back is delay that nobody sees: half a second at 4 Mbit/s."""

_EXPIRED, _NOT_YET_VALID = 10, 9
_WRONG_HOST, _WRONG_ADDRESS = 62, 64
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21, 27}
"""OpenSSL's X509_V_ERR_* numbers; their texts differ between versions."""


STAGGER = 0.25
"""Seconds that an address is given before the next is tried beside it (RFC 8305)."""

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


class TlsOptions(msgspec.Struct, frozen=True):
    """How the certificate of a destination is judged."""

    ca_file: str = ""
    "PEM file of certificate authorities that are trusted beside the system's."
    own_file: str = ""
    "The same, for this destination alone."
    verify: bool = True
    "Whether chain and host name are looked at at all."


async def open_socket(
    target: Target,
    *,
    deadline: float,
    silence: float,
    clock: Callable[[], float],
    public: bool = False,
) -> socket.socket:
    """Connect to the host, to whichever of its addresses answers first, within `deadline` seconds.

    `silence`: seconds after which the kernel gives up on a peer that confirms nothing; `public`:
    addresses inside somebody's network are refused.
    """
    end = clock() + deadline
    addresses = await _resolve(target, deadline)
    if public and not (addresses := [one for one in addresses if is_public(one[1][0])]):
        reason = "the server sends us to an address inside a private network"
        raise PushError(Refusal("forbidden-address", reason, "tcp"))
    try:
        async with asyncio.timeout(max(0.0, end - clock())):
            return await race(addresses, silence)
    except OSError as exc:
        raise PushError(_unreachable(exc, target)) from None


def from_public(sock: socket.socket) -> bool:
    """Whether the other end has a public address."""
    try:
        return is_public(sock.getpeername()[0])
    except OSError:
        return True  # it is gone already; nothing more will come of it


async def _resolve(target: Target, deadline: float) -> list[Address]:
    """Asked anew at each attempt: services move by changing their names' addresses."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise PushError(Refusal("dns", "no answer from the name server", "dns")) from None
    except (socket.gaierror, UnicodeError):
        raise PushError(Refusal("dns", f"host name {target.host} not found", "dns")) from None
    return interleaved([(family, address) for family, _, _, _, address in found])


def interleaved(addresses: list[Address]) -> list[Address]:
    """By turns of both families, the one that the system prefers first (RFC 8305, 4)."""
    first = [one for one in addresses if one[0] == addresses[0][0]]
    second = [one for one in addresses if one[0] != addresses[0][0]]
    mixed = [one for pair in zip(first, second, strict=False) for one in pair]
    shorter = min(len(first), len(second))
    return mixed + first[shorter:] + second[shorter:]


async def race(addresses: list[Address], silence: float) -> socket.socket:
    """The first that connects; each starts when the one before has failed or had its time."""
    left, running = list(addresses), set[asyncio.Task[socket.socket | OSError]]()
    failed: OSError = TimeoutError()
    winner: socket.socket | None = None
    async with asyncio.TaskGroup() as group:
        try:
            while winner is None and (left or running):
                if left:
                    running.add(group.create_task(_connect(*left.pop(0), silence)))
                patience = STAGGER if left else None
                done, running = await asyncio.wait(
                    running, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                for result in (task.result() for task in done):
                    if isinstance(result, OSError):
                        failed = result
                    elif winner is None:
                        winner = result
                    else:
                        result.close()
        finally:
            for task in running:
                task.add_done_callback(_close_late)
                task.cancel()
    if winner is None:
        raise failed
    return winner


async def _connect(
    family: socket.AddressFamily, address: tuple[Any, ...], silence: float
) -> socket.socket | OSError:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as exc:
        return exc  # a family that this machine does not speak, or no descriptors left
    try:
        _tune(sock, silence)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except OSError as exc:
        sock.close()
        return exc
    except BaseException:
        sock.close()
        raise
    return sock


def _close_late(task: "asyncio.Task[socket.socket | OSError]") -> None:
    """It connected in the moment in which it was not needed any more."""
    if not task.cancelled() and isinstance(late := task.result(), socket.socket):
        late.close()


def _tune(sock: socket.socket, silence: float) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere the write deadline has to do
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(silence * 1000))


def unsent(sock: socket.socket) -> int:
    """Bytes that the kernel holds and the other end has not confirmed; 0 where it does not say."""
    answer = bytearray(4)
    try:
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, answer)
    except (OSError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


def _unreachable(exc: OSError, target: Target) -> Refusal:
    if isinstance(exc, TimeoutError):
        return _timed_out(target)
    if isinstance(exc, ConnectionRefusedError):
        reason = f"nothing listens on {target.host} port {target.port}"
        return Refusal("connect-refused", reason, "tcp")
    reason = f"no way to {target.host} port {target.port} (network unreachable or filtered)"
    return Refusal("connect-refused", reason, "tcp")


def _timed_out(target: Target) -> Refusal:
    reason = f"no answer from {target.host} port {target.port}"
    return Refusal("connect-timeout", reason, "tcp")


def tls_context(tls: TlsOptions) -> ssl.SSLContext:
    """TLS 1.2 or newer, chain and host name verified unless that is switched off.

    Reads files: not for the event loop.

    Made anew when the files have changed only: reading the system's authorities takes 60 ms of
    CPU, as much as eight seconds of publishing.
    """
    files = (tls.ca_file, tls.own_file, ssl.get_default_verify_paths().cafile)
    return _tls_context(tls, tuple(_modified(path) for path in files if path))


def _modified(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=8)
def _tls_context(tls: TlsOptions, _modified: tuple[int, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not tls.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    for path in filter(None, (tls.ca_file, tls.own_file)):
        try:
            context.load_verify_locations(Path(path))
        except (OSError, ssl.SSLError):
            reason = "our file of additional certificate authorities cannot be read"
            raise PushError(Refusal("tls-authority", reason, "tls")) from None
    return context


def tls_refusal(exc: OSError, target: Target) -> Refusal:
    """What a failed TLS handshake means."""
    match exc:
        case ssl.SSLCertVerificationError():
            reason = f"certificate not valid: {_verdict(exc.verify_code, target)}"
            return Refusal("tls-certificate", reason, "tls")
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER"):
            reason = "the server does not speak TLS on this port: rtmp:// instead?"
        case ssl.SSLError(reason="TLSV1_ALERT_PROTOCOL_VERSION" | "UNSUPPORTED_PROTOCOL"):
            reason = "the server offers only TLS older than 1.2"
        case ssl.SSLError(reason=str(what)) if what != "UNEXPECTED_EOF_WHILE_READING":
            reason = f"TLS could not be set up ({what.lower().replace('_', ' ')})"
        case TimeoutError():
            reason = "the server did not finish the TLS handshake (stage: tls)"
            return Refusal("handshake-timeout", reason, "tls")
        case _:
            reason = "the server closed the connection during the TLS handshake"
    return Refusal("tls", reason, "tls")


def _verdict(code: int, target: Target) -> str:
    if code == _EXPIRED:
        return "it has expired"
    if code == _NOT_YET_VALID:
        return "it is not valid yet"
    if code in (_WRONG_HOST, _WRONG_ADDRESS):
        return f"it was issued for another host than {target.host}"
    if code in _UNKNOWN_ISSUER:
        return "its issuer is unknown or not trusted"
    return f"verification failed (X.509 error {code})"
