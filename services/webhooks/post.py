"""One POST: to whom it may go, how long it may take, and what became of it."""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import httpcore
import msgspec

from kit.addresses import is_public
from kit.secrets import Secret

CONNECTIONS_KEPT = 15.0
"""Seconds that an idle connection is kept: less than the servers that we know keep it."""

LARGEST_ANSWER = 65_536
"""Bytes of an answer that are read, and thrown away, so that the connection can be kept."""


class Outcome(msgspec.Struct, frozen=True):
    code: str = ""
    "Empty: it was taken."
    status: int = 0
    "Of HTTP; 0: there was no answer."
    asked: float = 0.0
    "Seconds until the next try, by `Retry-After`."


class Tls(msgspec.Struct, frozen=True):
    verify: bool = True
    authority: str = ""
    "Name of a file of certificate authorities."


class Poster(Protocol):
    async def post(self, url: Secret, headers: dict[str, str], body: bytes, tls: Tls) -> Outcome:
        """Never raises but if it is cancelled."""
        ...

    async def close(self) -> None: ...


class Forbidden(httpcore.ConnectError):
    """The address is of a private network."""


class Unknown(httpcore.ConnectError):
    """The host's name has no address."""


class Guarded(httpcore.AnyIOBackend):
    """Looks a name up itself and connects to what was found: nobody swaps it in between."""

    def __init__(self, *, private: bool) -> None:
        self._private = private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's own signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unknown("no such host") from None
        addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
        if not self._private:
            addresses = [one for one in addresses if is_public(one)]
        if not addresses:
            raise Forbidden("not a public address")
        for address in addresses[:-1]:
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await super().connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )


class HttpPoster:
    """Of one sink, whose connections are nobody else's."""

    def __init__(
        self, *, private: bool, timeout: float, ca_file: str = "", ca_dir: str = ""
    ) -> None:
        self._backend = Guarded(private=private)
        self._timeout = timeout
        self._ca_file = ca_file
        self._ca_dir = ca_dir
        self._tls: Tls | None = None
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def post(self, url: Secret, headers: dict[str, str], body: bytes, tls: Tls) -> Outcome:
        try:
            pool = await self._pool_for(tls)
        except (OSError, ssl.SSLError):
            return Outcome("tls-authority")
        try:
            async with asyncio.timeout(self._timeout):
                return await self._post(pool, url, headers, body)
        except TimeoutError:
            return Outcome("timeout")
        except Forbidden:
            return Outcome("forbidden-address")
        except Unknown:
            return Outcome("dns")
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
            return Outcome("tls" if _about_tls(exc) else "connect")
        except (httpcore.NetworkError, httpcore.TimeoutException):
            return Outcome("reset")
        except httpcore.ProtocolError:
            return Outcome("protocol")
        except (OSError, ValueError, httpcore.UnsupportedProtocol):
            return Outcome("connect")

    async def _post(
        self,
        pool: httpcore.AsyncConnectionPool,
        url: Secret,
        headers: dict[str, str],
        body: bytes,
    ) -> Outcome:
        fields = list(headers.items())
        async with pool.stream("POST", url.reveal(), headers=fields, content=body) as response:
            outcome = _judged(response)
            size = 0
            async for chunk in response.aiter_stream():
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    break
            return outcome

    async def _pool_for(self, tls: Tls) -> httpcore.AsyncConnectionPool:
        if self._pool is None or self._tls != tls:
            await self.close()
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self._context(tls),
                keepalive_expiry=CONNECTIONS_KEPT,
                network_backend=self._backend,
            )
            self._tls = tls
        return self._pool

    def _context(self, tls: Tls) -> ssl.SSLContext:
        authority = self._ca_file or None
        if tls.authority:
            if not self._ca_dir:
                raise FileNotFoundError
            authority = str(Path(self._ca_dir) / f"{tls.authority}.pem")
        context = ssl.create_default_context(cafile=authority)
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None


def _judged(response: httpcore.Response) -> Outcome:
    status = response.status
    if 200 <= status < 300:
        return Outcome("", status)
    if status == 410:
        return Outcome("gone", status)
    if 300 <= status < 400:
        return Outcome("redirect", status)
    return Outcome("status", status, _retry_after(response))


def _retry_after(response: httpcore.Response) -> float:
    """In seconds; a date is not looked at."""
    for name, value in response.headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:
            return float(value)
    return 0.0


def _about_tls(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
