"""URLs of streams: whether they are sound, and how they may be shown. Never raises, never leaks."""

import re

from proto.urls import RECORD

MAX_URL = 2048
"""Characters. The longest addresses that services hand out, with signed tokens, are about 600."""

MAX_SHOWN = 200
"""Characters of a redacted URL: it is a participant's name as well, which may have 250."""

HIDDEN = "***"

MAX_RECORDING = 100
"""Characters of a recording's name; with a part's number behind it, it is a file's name."""

_RECORDING = re.compile(r"(?:[A-Za-z0-9_-]|\.(?!\.)|\{(?:conference|date|time)\})+")

FETCHED = frozenset({"http", "https"})
"""Schemes whose paths are hidden as a whole."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,19}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
PARAMETERS = frozenset(
    {
        *("auth", "exp", "expires", "key", "latency", "mode", "pass", "passphrase", "password"),
        *("pkt_size", "pbkeylen", "rtsp_transport", "sig", "sign", "signature", "streamid"),
        *("timeout", "token", "transport", "user", "username"),
    }
)
"""Names in a query that may be shown; any other may be a secret itself, as in `?c2VjcmV0==`."""


def scheme_of(url: str) -> str:
    """`rtmps` of `RTMPS://…`, `file` of a path, empty where there is none."""
    if url.startswith("/"):
        return "file"
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator and _SCHEME.fullmatch(scheme) else ""


def check_stream_url(text: str) -> str | None:
    """Why this is no address to stream to, in words that hold nothing of it; None if it is one."""
    if not text:
        return "is empty; an address looks like rtmps://host:443/app/key"
    if len(text) > MAX_URL:
        return f"is longer than {MAX_URL} characters"
    if any(character.isspace() or not character.isprintable() for character in text):
        return "contains spaces or control characters"
    if scheme_of(text) == RECORD:
        return check_recording(text.partition("://")[2])
    if scheme_of(text) not in ("rtmp", "rtmps"):
        return "is not an RTMP address; it must begin with rtmp://, rtmps:// or record://"
    if "#" in text:
        return "contains '#'; write it as %23"
    if "\\" in text:
        return "contains a backslash"
    authority, _, rest = text.partition("://")[2].partition("/")
    if "?" in authority:
        return "has no application and stream key; it must look like rtmps://host:443/app/key"
    return _check_authority(authority) or _check_path(rest)


def check_recording(name: str) -> str | None:
    """Why this cannot name a recording; None if it can. Empty: it gets a name of its own."""
    if len(name) > MAX_RECORDING:
        return f"has a name longer than {MAX_RECORDING} characters"
    if name and (_RECORDING.fullmatch(name) is None or name.startswith(".")):
        return (
            "has a name that is more than letters, digits, '-', '_', single dots inside it,"
            " {conference}, {date} and {time}"
        )
    return None


DEFAULT_NAME = "{conference}-{date}-{time}"
"""Of a recording that was given none."""

SLIDES = "-slides"
"""Behind the name of the recording of the presentation."""


def beside(main: str, second: str) -> str:
    """The second address of a dual stream; a recording without a name is named for the first."""
    if second.lower() != f"{RECORD}://":
        return second
    name = main.partition("://")[2] if scheme_of(main) == RECORD else ""
    name = (name or DEFAULT_NAME)[: MAX_RECORDING - len(SLIDES)]
    whole = name + SLIDES
    return f"{RECORD}://{whole if check_recording(whole) is None else DEFAULT_NAME + SLIDES}"


def check_url(text: str, schemes: frozenset[str]) -> str | None:
    """Why this is no address to read media from with one of `schemes`; None if it is one."""
    if not text:
        return "is empty"
    if len(text) > MAX_URL:
        return f"is longer than {MAX_URL} characters"
    if any(character.isspace() or not character.isprintable() for character in text):
        return "contains spaces or control characters"
    if scheme_of(text) not in schemes:
        return f"must begin with one of {', '.join(f'{scheme}://' for scheme in sorted(schemes))}"
    return _check_authority(re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0])


def _check_authority(authority: str) -> str | None:
    userinfo, at, address = authority.rpartition("@")
    if at and not all(userinfo.partition(":")):
        return "must give both user and password, as user:password@host"
    if not address or address.startswith(":"):
        return "has no host"
    found = _HOST.fullmatch(address)
    if found is None:
        return "has a host or port that cannot be one"
    if found[2] is not None and not 1 <= int(found[2]) <= 65535:
        return "has a port that is not between 1 and 65535"
    return None


def _check_path(path: str) -> str | None:
    """An application and a stream key, the last segment; a query may follow either."""
    segments = path.split("?", 1)[0].split("/")
    if len(segments) < 2 or not all(segments):
        return "has no application and stream key; it must look like rtmps://host:443/app/key"
    return None


def redact(url: str) -> str:
    """`url` as anyone may see it: no user, password, last part of the path or query value, and of
    what is fetched no part of the path at all.

    A path of a file is shown as it is; what is neither path nor URL is not shown at all.
    """
    scheme = scheme_of(url)
    if scheme == "file":
        return _shown(url)
    if not scheme:
        return HIDDEN
    rest = url.partition("://")[2]
    if scheme == RECORD:  # a name, which is no secret, or something that was pasted in its place
        return f"{RECORD}://{rest if check_recording(rest) is None else HIDDEN}"
    authority, path, query, fragment = _parts(rest)
    # The last part of a path is a stream's key, or may be a token, whatever the scheme; services
    # that are fetched from have tokens anywhere in it.
    stem = path.rstrip("/")
    head = stem.rpartition("/")[0]
    path_shown = f"{'' if scheme in FETCHED else head}/{HIDDEN}" if stem else path
    _, at, host = authority.rpartition("@")
    strange = host and not _HOST.fullmatch(host)
    if strange or "@" in head or "@" in query or "@" in fragment:
        # Most likely a password with a slash or a question mark in it: nothing is what it seems.
        return f"{scheme}://{HIDDEN}"
    return _shown(
        f"{scheme}://{HIDDEN + '@' if at else ''}{host}{path_shown}"
        f"{_query(query)}{'#' + HIDDEN if fragment else ''}"
    )


def _parts(rest: str) -> tuple[str, str, str, str]:
    """Authority, path, query, fragment of what follows `scheme://`."""
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    return authority, slash + path, query, fragment


def _query(query: str) -> str:
    if not query:
        return ""
    shown = []
    for pair in query.split("&"):
        name, equals, _ = pair.partition("=")
        shown.append(f"{name}={HIDDEN}" if equals and name.lower() in PARAMETERS else HIDDEN)
    return "?" + "&".join(shown)


def _shown(text: str) -> str:
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
