"""Who may come in: the outermost layer, in front of everything that answers."""

import base64
import binascii
import hmac
from urllib.parse import urlsplit

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.config import Config

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

OPEN_ROOMS = frozenset({"health", "vendor"})
"""Paths below these, and the page's own files, are for everybody; all else wants the token."""

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
"""hls.js feeds the player by blob URLs and works in a blob worker; all else is from here."""


class Guard:
    """Refuses strangers and adds security headers.

    On loopback without a token any program of this machine may come in, but no web page of another
    site: its requests show in `Host` (a name that was pointed here) or in `Origin`.
    """

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self._app = app
        self._config = config
        token = config.admin_token
        self._token = token.reveal().encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = [(name, value) for name, value in HEADERS.items() if name not in given]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        headers = {name.lower(): value for name, value in scope["headers"]}
        refusal = self._refusal(scope["method"], scope["path"], headers)
        if refusal is None:
            await self._app(scope, receive, send_guarded)
            return
        status, sentence = refusal
        await _answer(send_guarded, status, sentence)

    def _refusal(
        self, method: str, path: str, headers: dict[bytes, bytes]
    ) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if self._config.on_loopback() and host_name(host) not in LOOPBACK_NAMES:
            return 403, "This server answers to the names of this machine only."
        origin = headers.get(b"origin")
        if origin is not None and method not in SAFE_METHODS:
            asked_by = urlsplit(origin.decode("latin-1")).netloc
            if asked_by.lower() != host.lower():
                return 403, "Another site may not do this."
        if self._token is not None and not _is_open(path):
            shown = _shown_token(headers.get(b"authorization", b""))
            if not hmac.compare_digest(shown, self._token):
                return 401, "This needs the administrator's token."
        return None


def _is_open(path: str) -> bool:
    """Whether no token is needed. The router folds slashes, so we look at what it will see."""
    parts = [part for part in path.split("/") if part]
    if "." in parts or ".." in parts:
        return False
    return not parts or parts[0] in OPEN_ROOMS or (len(parts) == 1 and "." in parts[0])


def host_name(host: str) -> str:
    """`[::1]:8080` → `::1`; empty if it is no host at all."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _shown_token(authorization: bytes) -> bytes:
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() == b"basic":
        try:
            user, _, password = base64.b64decode(value.strip(), validate=True).partition(b":")
        except binascii.Error:
            return b""
        return password if user == b"admin" else b""
    return b""


async def _answer(send: Send, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Rostrum", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = msgspec.json.encode({"error": sentence})
    await send({"type": "http.response.body", "body": body, "more_body": False})
