"""What `match_string` and `replace_string` of a call routing rule may say, and what they mean.

One reading for all: who stores a rule refuses exactly what who applies it could not run. Patterns
run in RE2, in time that grows with the alias alone; see docs/adr/0007.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import re2

MEMORY = 1 << 20
"""Bytes for one compiled pattern. A quarter holds any that people write by hand; the dearest that
still fits takes 20 ms for an alias of 2,000 characters."""

QUOTED = 12
"""Characters of a pattern that a sentence may quote: an operator, not half of the pattern."""

Groups = tuple[str, ...]
"""The whole match, then group 1, 2, …; empty where one took no part."""


class Bad(msgspec.Struct, frozen=True):
    """Why a text is no pattern or no replacement, for a person. Quotes nothing of an alias."""

    reason: str


class Pattern:
    """A regular expression for a whole alias, whatever its case.

    RE2 knows no look-ahead; those at the beginning, `(?!…)` and `(?=…)`, are patterns of their own.
    """

    def __init__(self, body: Any, ahead: list[tuple[bool, Any]]) -> None:
        self._body = body
        self._ahead = ahead
        self.groups: int = body.groups + sum(part.groups for _, part in ahead)

    def match(self, alias: str) -> Groups | None:
        """The groups if all of `alias` matches. The alias must be encodable as UTF-8."""
        text = alias.encode()
        before: list[bytes | None] = []
        for wanted, part in self._ahead:
            found = part.match(text)
            if (found is None) is wanted:
                return None
            before += found.groups() if found else [None] * part.groups
        found = self._body.fullmatch(text)
        if found is None:
            return None
        groups = (found.group(), *before, *found.groups())
        return tuple((group or b"").decode() for group in groups)


def compile_pattern(text: str) -> Pattern | Bad:
    """Read a `match_string`."""
    cut = _look_ahead(text)
    if isinstance(cut, Bad):
        return cut
    body, ahead = cut
    try:
        return Pattern(_compile(body), [(wanted, _compile(part)) for wanted, part in ahead])
    except re2.error as exc:
        return Bad(_said(exc))
    except UnicodeEncodeError:
        return Bad("it holds half a character")


def _compile(text: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MEMORY
    # Of bytes: given text, the wrapper counts characters at every call, also where nothing matches.
    return re2.compile(text.encode(), options)  # type: ignore[no-untyped-call]


def _said(error: Exception) -> str:
    """RE2's own words, and what they mean where people know other dialects."""
    raw = error.args[0] if error.args else b""
    words = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    if "pattern too large" in words:
        return "it is too large: counted repetitions within one another grow without measure"
    if re.search(r"invalid escape sequence: \\[1-9]|perl operator: \(\?P=", words):
        return "back-references can be used in the replacement only"
    if re.search(r"perl operator: \(\?<?[=!]", words):
        return "look-around can be used at the beginning only: (?!…) or (?=…)"
    said, _, quoted = words.partition(": ")
    return words if len(quoted) <= QUOTED else said


def _look_ahead(text: str) -> tuple[str, list[tuple[bool, str]]] | Bad:
    """The pattern without the look-aheads that it begins with, and those: (wanted, pattern)."""
    rest = text.removeprefix("^")
    ahead: list[tuple[bool, str]] = []
    while rest.startswith(("(?!", "(?=")):
        end = _closing(rest)
        if end is None:
            return Bad("a bracket is not closed")
        ahead.append((rest[2] == "=", rest[3:end]))
        rest = rest[end + 1 :].removeprefix("^")
    if not ahead:
        return text, ahead
    if rest.startswith(("*", "+", "?", "{")):
        return Bad("a look-ahead cannot be repeated")
    if "|" in outermost(rest):
        return Bad("alternatives after a look-ahead must stand in brackets")
    return rest, ahead


def _closing(text: str) -> int | None:
    """Where the bracket that `text` begins with is closed."""
    depth = 0
    for place, token in tokens(text):
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return place
    return None


def outermost(text: str) -> list[str]:
    """The tokens that stand in no bracket; a bracket itself is `(`, `)`."""
    found: list[str] = []
    depth = 0
    for _, token in tokens(text):
        if token == ")":
            depth -= 1
        if depth == 0:
            found.append(token)
        if token == "(":
            depth += 1
    return found


_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|$)"  # literal text
    r"|\\."  # one escape
    r"|\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]"  # a class, in which a bracket is no bracket
    r"|\{\d+(?:,\d*)?\}"  # a counted repetition
    r"|.",
    re.DOTALL,
)


def tokens(text: str) -> list[tuple[int, str]]:
    """A pattern in pieces, each with its place."""
    return [(found.start(), found[0]) for found in _TOKEN.finditer(text)]


Expand = Callable[[Groups], str]

_REFERENCE = re.compile(r"\\(?:([1-9])|g<([0-9]{1,3})>|(\\)|(.?))", re.DOTALL)


def compile_replacement(text: str, groups: int) -> Expand | Bad:
    r"""Read a `replace_string`: `\1` to `\9`, `\g<10>`, and `\\` for a backslash."""
    parts: list[str | int] = []
    place = 0
    for found in _REFERENCE.finditer(text):
        parts.append(text[place : found.start()])
        place = found.end()
        number, long, backslash, other = found.groups()
        if other is not None:
            return Bad(r"a backslash may stand before a digit from 1 to 9 only, or be written \\")
        if backslash is None and int(number or long) > groups:
            return Bad("it refers to a group that match_string does not have")
        parts.append("\\" if backslash else int(number or long))
    parts.append(text[place:])

    def expand(matched: Groups) -> str:
        return "".join(part if isinstance(part, str) else matched[part] for part in parts)

    return expand


def problems(match_string: str, replace_string: str) -> dict[str, str]:
    """Field of a rule to what is wrong with it; empty if the rule can be stored."""
    pattern = compile_pattern(match_string)
    if isinstance(pattern, Bad):
        return {"match_string": pattern.reason}
    replacement = compile_replacement(replace_string, pattern.groups)
    if isinstance(replacement, Bad):
        return {"replace_string": replacement.reason}
    return {}
