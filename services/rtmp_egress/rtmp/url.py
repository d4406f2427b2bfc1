"""Where to publish, read strictly from a URL. How one may be shown is in `kit.urls`."""

import ipaddress
import re
from typing import Literal
from urllib.parse import unquote

import msgspec

LENGTH_LIMIT = 2048
"""Characters; longer ones are mistakes or attacks, and servers cut keys off before that."""

DEFAULT_PORTS: dict[str, int] = {"rtmp": 1935, "rtmps": 443}

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_PORT = re.compile(r"[0-9]{1,5}")


class Target(msgspec.Struct, frozen=True):
    """One RTMP destination. Its `repr` shows neither user, password nor key."""

    scheme: Literal["rtmp", "rtmps"]
    host: str
    "A name in ASCII, or an IP address without brackets."
    port: int
    app: str
    "Everything of the path but its last part."
    key: str
    "The last part of the path, with the query."
    user: str = ""
    password: str = ""

    @property
    def secure(self) -> bool:
        return self.scheme == "rtmps"

    @property
    def query(self) -> str:
        return self.key.partition("?")[2]

    @property
    def tc_url(self) -> str:
        """What the server is told that we connected to; never holds user, password or key."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}/{self.app}"

    def __repr__(self) -> str:
        return f"Target({self.tc_url}/***)"


class BadUrl(msgspec.Struct, frozen=True):
    """The URL cannot be published to."""

    reason: str
    "One sentence for a person; quotes nothing of the URL but its scheme."
    field: str
    "Which part of the URL is wrong: `url`, `scheme`, `user`, `host`, `port`, `app` or `key`."
    code: str = "bad-url"


class _Wrong(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.bad = BadUrl(reason, field)


def parse_target(url: str) -> Target | BadUrl:
    """Read `rtmp(s)://[user:password@]host[:port]/app/key[?query]`, refusing what is doubtful."""
    try:
        return _parse(url)
    except _Wrong as wrong:
        return wrong.bad


def _parse(url: str) -> Target:
    _check_text(url)
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise _Wrong("scheme", "the address must begin with rtmp:// or rtmps://")
    authority, _, path = rest.partition("/")
    userinfo, at, place = authority.rpartition("@")
    user, password = _credentials(userinfo) if at else ("", "")
    match scheme.lower():
        case "rtmp":
            host, port = _place(place, DEFAULT_PORTS["rtmp"])
            app, key = _app_and_key(path)
            return Target("rtmp", host, port, app, key, user, password)
        case "rtmps":
            host, port = _place(place, DEFAULT_PORTS["rtmps"])
            app, key = _app_and_key(path)
            return Target("rtmps", host, port, app, key, user, password)
    shown = f", not {scheme}://" if _SCHEME.fullmatch(scheme) and len(scheme) <= 16 else ""
    raise _Wrong("scheme", f"the address must begin with rtmp:// or rtmps://{shown}")


def moved(target: Target, url: str) -> Target | None:
    """Where a server sends us: another host, perhaps another app; never to less encryption."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in DEFAULT_PORTS or (target.secure and scheme != "rtmps"):
        return None
    authority, _, path = rest.partition("/")
    try:
        _check_text(url)
        host, port = _place(authority.rpartition("@")[2], DEFAULT_PORTS[scheme])
    except _Wrong:
        return None
    app = path.removesuffix(target.key).strip("/") or target.app
    return msgspec.structs.replace(
        target, scheme="rtmps" if scheme == "rtmps" else "rtmp", host=host, port=port, app=app
    )


def _check_text(url: str) -> None:
    if not url:
        raise _Wrong("url", "the address is empty")
    if len(url) > LENGTH_LIMIT:
        raise _Wrong("url", f"the address has {len(url)} characters; {LENGTH_LIMIT} are allowed")
    if any(char.isspace() for char in url):
        raise _Wrong("url", "the address holds a space or a line break")
    if not url.isprintable():
        raise _Wrong("url", "the address holds a control character or an invisible one")


def _credentials(userinfo: str) -> tuple[str, str]:
    try:
        user, _, password = userinfo.partition(":")
        user, password = unquote(user, errors="strict"), unquote(password, errors="strict")
    except UnicodeDecodeError:
        raise _Wrong("user", "user name or password: the %xx codes are not UTF-8") from None
    if not user:
        raise _Wrong("user", "a password or an @ stands before the host, but no user name")
    if not (user + password).isprintable():
        raise _Wrong("user", "user name or password holds a control character")
    return user, password


def _place(place: str, default_port: int) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, after = place[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise _Wrong("host", "an IPv6 address must be written [address]:port")
        return _ipv6(host), _port(after[1:]) if after else default_port
    name, colon, port = place.partition(":")
    if not name:
        raise _Wrong("host", "the host is missing")
    if ":" in port:
        raise _Wrong("host", "an IPv6 address must be written in brackets: [address]:port")
    return _host(name), _port(port) if colon else default_port


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise _Wrong("host", "what stands in brackets is not an IPv6 address") from None
    if address.scope_id is not None:
        raise _Wrong("host", "an IPv6 address with a zone (%) means nothing outside its network")
    return str(address)


def _host(name: str) -> str:
    try:
        host = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        raise _Wrong("host", "the host name cannot be written in the DNS") from None
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _Wrong("host", "the host is neither a host name nor an IP address")
    if _NUMBER.fullmatch(labels[-1]):
        # Resolvers take 127.1 or 0x7f000001 for addresses; nobody means that in good faith.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise _Wrong("host", "the host is not a valid IPv4 address") from None
    return host.lower()


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise _Wrong("port", "the port must be a number from 1 to 65535")
    return int(text)


def _app_and_key(path: str) -> tuple[str, str]:
    path, question, query = path.partition("?")
    app, slash, name = path.rpartition("/")
    if not path:
        raise _Wrong("app", "the app and the stream key are missing: rtmp://host/app/key")
    if not slash or not name:
        raise _Wrong("key", "the stream key is missing: rtmp://host/app/key")
    if not app.strip("/"):
        raise _Wrong("app", "the app is missing: rtmp://host/app/key")
    if "@" in app:
        raise _Wrong("app", "an @ stands in the app; a / in a password must be written %2F")
    return app, f"{name}{question}{query}"
