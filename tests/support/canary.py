"""Keys, passwords and users that can be recognised wherever they turn up.

All of a run bear one random mark. What must not hold it is shown to a `Watch`, which knows the mark
in whatever form a program may have written it, and tells where it was without showing it.
"""

import base64
import os
import re
import secrets
import threading
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import msgspec

VARIABLE = "ROSTRUM_TEST_MARK"
"""Tells the servers of the tests, which are processes of their own and know keys, the mark."""

MARK = os.environ.get(VARIABLE) or f"cnry{secrets.token_hex(8)}"

ROUND = 40
"""Bytes on either side of what was found that are told with it."""

_ESCAPED = re.compile(rb"\\(?:u00|x)([0-9A-Fa-f]{2})")


def canary(name: str) -> str:
    """A secret with a name that says which; safe as a stream key, in a URL and in a pattern."""
    return f"{name}-{MARK}"


PASSWORD = f"pa$$ wörd/{MARK}"
"""What is awkward in URLs, JSON and shells is in it."""


class Needle:
    """One secret, in all the forms that it is looked for in."""

    def __init__(self, what: str, secret: str) -> None:
        self.what = what
        raw = secret.encode()
        self._any_case = [
            raw.lower(),
            raw.hex().encode(),
            "".join(f"%{byte:02x}" for byte in raw).encode(),
            secret.lower().encode("utf-16-le"),
        ]
        self._exact = [*_in_base64(raw), *_in_base64(raw, b"-_")]

    def at(self, data: bytes, lower: bytes) -> Iterator[tuple[int, int]]:
        """Where it begins and ends, once for each form that is there."""
        for forms, where in ((self._any_case, lower), (self._exact, data)):
            for form in forms:
                if (found := where.find(form)) >= 0:
                    yield found, found + len(form)


def _in_base64(raw: bytes, altchars: bytes = b"+/") -> list[bytes]:
    """What of it does not depend on its neighbours, wherever in a group of three it begins."""
    found = []
    for before, uncertain in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(bytes(before) + raw, altchars).rstrip(b"=")
        found.append(whole[uncertain : (before + len(raw)) * 8 // 6])
    return found


class Finding(msgspec.Struct, frozen=True):
    what: str
    place: str
    excerpt: str
    "What is round it; itself masked."

    def __str__(self) -> str:
        return f"{self.what} in {self.place}: {self.excerpt}"


class Seen(AssertionError):
    """Secrets were seen where nobody may see them."""


class Watch:
    """Looks at whatever it is shown; from any thread."""

    def __init__(self, *needles: Needle) -> None:
        self.needles = list(needles)
        self.shown: dict[str, int] = {}
        "How many pieces of each kind of place were shown: a watch that is shown nothing is blind."
        self._found: dict[tuple[str, str], Finding] = {}
        self._lock = threading.Lock()

    def look(self, kind: str, place: str, data: bytes | str) -> None:
        """`kind` of place, e.g. `file`; and which."""
        raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        with self._lock:
            self.shown[kind] = self.shown.get(kind, 0) + 1
            where = f"{kind} {self._masked(place.encode())}"
            for form in _unescaped(raw):
                self._search(where, form)

    def _search(self, place: str, data: bytes) -> None:
        lower = data.lower()
        for needle in self.needles:
            for start, end in needle.at(data, lower):
                around = data[max(0, start - ROUND) : start], data[end : end + ROUND]
                excerpt = "***".join(map(self._masked, around))
                finding = Finding(needle.what, place, excerpt)
                self._found.setdefault((needle.what, place), finding)

    def _masked(self, data: bytes) -> str:
        """As it may be printed."""
        for needle in self.needles:
            while found := next(needle.at(data, data.lower()), None):
                data = data[: found[0]] + b"***" + data[found[1] :]
        return ascii(data.decode(errors="replace"))[1:-1]

    def check(self) -> None:
        """Raises Seen with all that was found since the last time."""
        with self._lock:
            found, self._found = list(self._found.values()), {}
        if found:
            raise Seen("\n".join(["secrets were seen:", *map(str, found)]))


def _unescaped(data: bytes) -> Iterator[bytes]:
    """As it is, and with the escapes of URLs and of JSON taken out, of all or of some letters."""
    yield data
    if b"%" in data:
        yield unquote_to_bytes(data)
    if b"\\u00" in data or b"\\x" in data:
        yield _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), data)


WATCH = Watch(Needle("a key, password or user of the tests", MARK))
"""That of this run."""
