"""What must differ between two runs, made alike: ids by the order of their first appearance, no
times, no workers' names, no machine's figures. What is left are the decisions."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from cli.log.read import Log
from proto.subjects import FAMILIES

NAMES: dict[str, str] = {
    "conference": "conference",
    "target": "conference",
    "participant": "participant",
    "successor": "participant",
    "presenter": "participant",
    "listener": "participant",
    "instance": "instance",
    "session": "session",
    "worker": "worker",
    "node": "node",
    "fingerprint": "address",
    "package": "package",
    "stage": "participant",
    "arrived": "participant",
}
"""Fields that hold an id, or several, and whose it is."""

TIMES = frozenset({"at", "started_at", "ended_at", "joined_at", "retry_at", "next_retry_at"}) | {
    "unkept_since",
    "alone_since",
    "spotlight",
}
"""What is left of them is whether there is one."""

FIGURES = frozenset({"version", "vad", "bytes_out", "dropped_frames", "encoder", "tls_version"}) | {
    "place",
    "home",
    "misplaced",
}
"""They say how well a machine did, or where there was one with room, not what was decided."""

WORDY = frozenset({"detail", "reason", "redacted", "display_name", "end_reason"})
"""Texts in which ids and ports turn up."""

PORT = re.compile(r"(?<=[\w\]]):\d{2,5}\b")
LONG = 6
"""Characters from which an id is looked for in texts; a shorter one could be a word."""


def plain(found: Any) -> Any:
    """As JSON would have it, without what says no more than its default does: so what an older
    version wrote is like what a newer one writes that has got more fields."""
    match found:
        case msgspec.Struct():
            config = found.__struct_config__
            tag = {"type": config.tag} if config.tag is not None else {}
            return tag | {
                field: plain(value)
                for field, default in _fields(type(found))
                if (value := getattr(found, field)) != default
            }
        case list() | tuple():
            return [plain(one) for one in found]
        case dict():
            return {str(name): plain(value) for name, value in found.items()}
        case datetime():
            return found.isoformat()
    return found


@cache
def _fields(kind: type[msgspec.Struct]) -> list[tuple[str, Any]]:
    """Each with its default."""
    return [
        (
            field.name,
            field.default_factory()
            if field.default_factory is not msgspec.NODEFAULT
            else field.default,
        )
        for field in msgspec.structs.fields(kind)
    ]


class Alike:
    """Gives every id of one conference a name that tells nothing but which one it is."""

    def __init__(self, log: Log) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._name("conference", log.conference)
        # Family by family: which of two services spoke first is chance.
        for family in FAMILIES:
            for entry in log.entries:
                if entry.family == family:
                    for event in entry.events:
                        self._meet(plain(event))
        self._meet(plain(log.view))
        texts = sorted((t for t in self._names if len(t) >= LONG), key=len, reverse=True)
        self._texts = re.compile("|".join(map(re.escape, texts))) if texts else None

    def _name(self, kind: str, ident: str) -> None:
        if ident and ident not in self._names:
            self._counts[kind] = number = self._counts.get(kind, 0) + 1
            self._names[ident] = f"{kind}#{number}"

    def _meet(self, found: Any) -> None:
        match found:
            case dict():
                for field, value in found.items():
                    if (kind := NAMES.get(field)) is not None:
                        for ident in value if isinstance(value, list) else [value]:
                            if isinstance(ident, str):
                                self._name(kind, ident)
                    if isinstance(value, dict | list):
                        self._meet(value)
            case list():
                for one in found:
                    self._meet(one)

    def __call__(self, found: msgspec.Struct) -> dict[str, Any]:
        """A message as what two runs that decided the same have in common."""
        told = self._told(plain(found))
        assert isinstance(told, dict)
        return told

    def of(self, ident: str) -> str:
        return self._names.get(ident, ident)

    def _told(self, found: Any, field: str = "") -> Any:
        match found:
            case dict():
                return {
                    name: self._told(value, name)
                    for name, value in found.items()
                    if name not in FIGURES
                }
            case list():
                return [self._told(one, field) for one in found]
            case str() if field in TIMES:
                return "…"
            case str() if field in NAMES:
                return self._names.get(found, found)
            case str() if field == "secret":
                who, _, purpose = found.partition(".")
                return f"{self.of(who)}.{purpose}"
            case str() if field in WORDY:
                return self._text(found)
        return found

    def _text(self, text: str) -> str:
        if self._texts is not None:
            text = self._texts.sub(lambda found: self._names[found[0]], text)
        return PORT.sub(":…", text)


def shown(event: Mapping[str, Any], leave_out: Iterable[str] = ()) -> str:
    """`participant_joined participant#1 display_name=Ada`: one line for people."""
    skipped = {"type", *leave_out}
    words = [str(event.get("type", "")).partition(".")[0]]
    for field, value in event.items():
        if field in skipped or value in ("", None, [], {}, "…"):
            continue
        words.append(_word(field, value))
    return " ".join(word for word in words if word)


def _word(field: str, value: Any) -> str:
    if field in ("participant", "conference", "instance") and isinstance(value, str):
        return value
    return f"{field}={_value(value)}"


def _value(value: Any) -> str:
    match value:
        case dict():
            inside = (f"{k}={_value(v)}" for k, v in value.items() if v not in ("", None, []))
            return "{" + " ".join(inside) + "}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case bool():
            return "yes" if value else "no"
    return str(value)
