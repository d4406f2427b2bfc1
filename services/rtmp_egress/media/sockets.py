"""A TCP connection to a destination, tuned for live media, with every failure told apart."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from services.rtmp_egress.rtmp.errors import PushError, Refusal
from services.rtmp_egress.rtmp.url import Target

SEND_BUFFER = 256 * 1024
"""Bytes; what the kernel holds back is delay that nobody sees: half a second at 4 Mbit/s."""

_EXPIRED, _NOT_YET_VALID = 10, 9
_WRONG_HOST, _WRONG_ADDRESS = 62, 64
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21, 27}
"""OpenSSL's X509_V_ERR_* numbers; their texts differ between versions."""


class TlsOptions(msgspec.Struct, frozen=True):
    """How the certificate of a destination is judged."""

    ca_file: str = ""
    "PEM file of certificate authorities that are trusted beside the system's."


async def open_socket(
    target: Target, *, deadline: float, silence: float, clock: Callable[[], float]
) -> socket.socket:
    """Connect to the first of the host's addresses that answers, within `deadline` seconds.

    `silence`: seconds after which the kernel gives up on a peer that confirms nothing.
    """
    end = clock() + deadline
    addresses = await _resolve(target, deadline)
    refusal = _timed_out(target)
    for left in range(len(addresses), 0, -1):
        family, address = addresses[-left]
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            _tune(sock, silence)
            # Each address gets its share, so that a dead IPv6 route leaves time for IPv4.
            async with asyncio.timeout(max(0.0, end - clock()) / left):
                await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as exc:
            sock.close()
            refusal = _unreachable(exc, target)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise PushError(refusal)


async def _resolve(
    target: Target, deadline: float
) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise PushError(Refusal("dns", "no answer from the name server", "dns")) from None
    except (socket.gaierror, UnicodeError):
        raise PushError(Refusal("dns", f"host name {target.host} not found", "dns")) from None
    return [(family, address) for family, _, _, _, address in found]


def _tune(sock: socket.socket, silence: float) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere the write deadline has to do
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(silence * 1000))


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
    """TLS 1.2 or newer, chain and host name verified. Reads files: not for the event loop.

    Made anew when the files have changed only: reading the system's authorities takes 60 ms of
    CPU, as much as eight seconds of publishing.
    """
    files = (tls.ca_file, ssl.get_default_verify_paths().cafile)
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
    if tls.ca_file:
        try:
            context.load_verify_locations(Path(tls.ca_file))
        except (OSError, ssl.SSLError):
            reason = "our file of additional certificate authorities cannot be read"
            raise PushError(Refusal("tls", reason, "tls")) from None
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
