"""Who may come in: the outermost layer, in front of everything that answers."""

from urllib.parse import urlsplit

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.accounts import Accounts, TooMany
from services.gateway.config import Config
from services.gateway.core.access import SAFE_METHODS, may, shown

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

OPEN_ROOMS = frozenset({"connect", "health", "vendor"})
"""Paths below these, and the page's own files, are for everybody; all else is for users."""

CLIENT_API = ["api", "client", "v2"]
"""And this is for people who take part: their PINs and tokens are asked for there."""

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


class Refusal(msgspec.Struct, frozen=True):
    status: int
    sentence: str
    wait: int = 0
    "Seconds until another try."


class Guard:
    """Refuses strangers and adds security headers.

    On loopback, while there are no users and no tokens, any program of this machine may come in,
    but no web page of another site: its requests show in `Host` (a name that was pointed here) or
    in `Origin`.
    """

    def __init__(self, app: ASGIApp, config: Config, accounts: Accounts) -> None:
        self._app = app
        self._config = config
        self._accounts = accounts

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
        method, path = scope["method"], scope["path"]
        refusal = self._stranger(method, headers)
        if refusal is None and not _is_open(path):
            refusal = await self._unknown(method, path, headers, scope.get("client"))
        if refusal is None:
            await self._app(scope, receive, send_guarded)
        else:
            await _answer(send_guarded, refusal)

    def _stranger(self, method: str, headers: dict[bytes, bytes]) -> Refusal | None:
        """Why a request does not come from where it should."""
        host = headers.get(b"host", b"").decode("latin-1")
        if self._config.on_loopback() and host_name(host) not in LOOPBACK_NAMES:
            return Refusal(403, "This server answers to the names of this machine only.")
        origin = headers.get(b"origin")
        if origin is not None and method not in SAFE_METHODS:
            try:
                asked_by = urlsplit(origin.decode("latin-1")).netloc
            except ValueError:
                asked_by = ""
            if asked_by.lower() != host.lower():
                return Refusal(403, "Another site may not do this.")
        return None

    async def _unknown(
        self,
        method: str,
        path: str,
        headers: dict[bytes, bytes],
        client: tuple[str, int] | None,
    ) -> Refusal | None:
        """Why whoever asks may not do this."""
        if self._accounts.open():
            return None
        given = shown(headers.get(b"authorization", b""))
        try:
            access = await self._accounts.who(given, client[0] if client else "")
        except TooMany as exc:
            return Refusal(429, "There were too many wrong passwords; wait.", exc.wait)
        if access is None:
            return Refusal(401, "This needs a user's password or a token.")
        if not may(access, method, path):
            return Refusal(403, "This user may look only.")
        return None


def _is_open(path: str) -> bool:
    """Whether no user is wanted. The router folds slashes, so we look at what it will see."""
    parts = [part for part in path.split("/") if part]
    if "." in parts or ".." in parts:
        return False
    if parts[:3] == CLIENT_API:
        return True
    return not parts or parts[0] in OPEN_ROOMS or (len(parts) == 1 and "." in parts[0])


def host_name(host: str) -> str:
    """`[::1]:8080` → `::1`; empty if it is no host at all."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


async def _answer(send: Send, refusal: Refusal) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Rostrum", charset="UTF-8"'))
        headers.append((b"www-authenticate", b'Bearer realm="Rostrum"'))
    if refusal.wait:
        headers.append((b"retry-after", str(refusal.wait).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    body = msgspec.json.encode({"error": refusal.sentence})
    await send({"type": "http.response.body", "body": body, "more_body": False})
