"""Taking an export apart, line by line, and saying where it is no export."""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from proto import conference, egress, mixer, routing, scheduler
from proto.base import Event
from proto.export import (
    FORMAT,
    EndLine,
    Header,
    HeaderLine,
    Line,
    Settings,
    SettingsLine,
    ViewLine,
)
from proto.subjects import Family
from proto.views import ConferenceView

LONGEST_LINE = 2_000_000
"""Bytes; what the bus takes is half of that."""

LARGEST = 256_000_000
"""Bytes, unpacked: a day of a busy conference has a hundredth of it."""

GZIP = b"\x1f\x8b"

DECODERS: dict[Family, Callable[[bytes], Sequence[Event]]] = {
    "conference": conference.decode_commit,
    "routing": routing.decode_commit,
    "scheduler": scheduler.decode_commit,
    "egress": egress.decode_commit,
    "mixer": mixer.decode_commit,
}

AT = re.compile(r"^(.*) - at `\$\.?(.*)`$")


class BadLog(Exception):
    """This is not an export that can be read; says where, and which field."""


class Entry(msgspec.Struct, frozen=True):
    """One stored message, and what it says."""

    line: Line
    events: Sequence[Event]

    @property
    def family(self) -> Family:
        return self.line.family


class Log(msgspec.Struct, frozen=True):
    """All that an export says of one conference."""

    conference: str
    entries: list[Entry]
    view: ConferenceView
    "As it was at the end."
    raw_view: bytes = b"{}"
    "As it was written."
    settings: Settings | None = None
    "None: it is of format 1."


class Export(msgspec.Struct, frozen=True):
    logs: list[Log]
    header: Header | None = None


def load(path: Path, largest: int = LARGEST) -> Export:
    """Read a file, compressed or not. Raises BadLog, or OSError if there is none."""
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        if not packed:
            return read(_lines(file.readline, largest))
        with gzip.GzipFile(fileobj=file) as unpacked:
            try:
                return read(_lines(unpacked.readline, largest))
            except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
                raise BadLog(f"the compressed file is damaged or cut off: {exc}") from exc


def _lines(readline: Callable[[int], bytes], largest: int) -> Iterator[bytes]:
    total = 0
    while line := readline(LONGEST_LINE + 1):
        total += len(line)
        if total > largest:
            raise BadLog(f"it is larger than {largest // 1_000_000} MB")
        yield line


def read(lines: Iterable[bytes]) -> Export:
    """Take an export apart."""
    reader = _Reader()
    for number, raw in enumerate(lines, 1):
        if len(raw) > LONGEST_LINE:
            raise BadLog(f"line {number}: it is longer than {LONGEST_LINE:,} bytes")
        if raw.strip():
            try:
                reader.take(number, raw)
            except BadLog as exc:
                raise BadLog(f"line {number}: {exc}") from exc.__cause__
    return reader.export()


class _Reader:
    def __init__(self) -> None:
        self._header: Header | None = None
        self._logs: list[Log] = []
        self._entries: list[Entry] = []
        self._settings: Settings | None = None
        self._taken = 0
        self._over = False

    def take(self, number: int, raw: bytes) -> None:
        kind = _kind(raw)
        if self._over:
            raise BadLog("something follows the end")
        if self._header is None and self._logs:
            raise BadLog("something follows the view")
        match kind:
            case "export" if number == 1:
                self._header = self._begin(raw)
            case "settings" if self._header is not None:
                self._settings = _decoded(raw, SettingsLine).settings
            case "family":
                self._entries.append(self._entry(raw))
            case "view":
                self._log(_decoded(raw, ViewLine).view, raw)
            case "end" if self._header is not None:
                count = _decoded(raw, EndLine).end.lines
                if count != self._taken:
                    raise BadLog(f"end.lines: {count} lines were exported, {self._taken} are here")
                self._over = True
            case _:
                raise BadLog(f"`{kind[:40]}` is not what an export has here")
        self._taken += 1

    def _begin(self, raw: bytes) -> Header:
        header = _decoded(raw, HeaderLine).export
        if header.format > FORMAT:
            raise BadLog(
                f"export.format: {header.format}, made by version {header.version};"
                f" this is {version('rostrum')} and reads up to {FORMAT}"
            )
        assert isinstance(header, Header)
        return header

    def _entry(self, raw: bytes) -> Entry:
        line = _decoded(raw, Line)
        try:
            return Entry(line, DECODERS[line.family](bytes(line.commit)))
        except msgspec.MsgspecError as exc:
            raise BadLog(self._of_the_future(line) or _where(exc, "commit")) from exc

    def _of_the_future(self, line: Line) -> str:
        """What to say of an event that a later version knows, and this one does not."""
        commit = msgspec.json.decode(line.commit)
        known = {str(kind.__struct_config__.tag) for kind in _kinds(_module(line.family).Stored)}
        for index, event in enumerate(commit if isinstance(commit, list) else []):
            tag = event.get("type") if isinstance(event, dict) else None
            if isinstance(tag, str) and tag not in known:
                made = f", made by version {self._header.version}" if self._header else ""
                return (
                    f"commit[{index}].type: `{tag[:60]}` is no event of family {line.family} that"
                    f" version {version('rostrum')} knows{made}"
                )
        return ""

    def _log(self, view: ConferenceView, raw: bytes) -> None:
        strange = {e.line.conference for e in self._entries} - {"", view.conference}
        if strange or (self._settings and self._settings.conference != view.conference):
            raise BadLog(f"view.conference: {view.conference} is not what stands before it")
        entries = sorted(self._entries, key=lambda e: e.line.time)
        self._logs.append(Log(view.conference, entries, view, raw, self._settings))
        self._entries, self._settings = [], None

    def export(self) -> Export:
        if self._header is not None and not self._over:
            raise BadLog("it breaks off: the last line, which says that this is all, is missing")
        if self._entries or (self._header is None and not self._logs):
            raise BadLog("the last line, which holds the view, is missing")
        return Export(self._logs, self._header)


def _module(family: Family) -> Any:
    modules = {
        "conference": conference.events,
        "routing": routing,
        "scheduler": scheduler,
        "egress": egress,
        "mixer": mixer,
    }
    return modules[family]


def _kinds(union: Any) -> tuple[Any, ...]:
    return tuple(union.__args__)


def _kind(raw: bytes) -> str:
    """The name that a line goes by: the only one, or `family`."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        cut = "" if raw.endswith(b"\n") else "; the file seems to be cut off here"
        raise BadLog(f"this is no JSON ({exc.__class__.__name__}){cut}") from exc
    if not isinstance(found, dict) or not found:
        raise BadLog("this is no JSON object")
    return "family" if len(found) > 1 else str(next(iter(found)))


def _decoded(raw: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as exc:
        raise BadLog(_where(exc)) from exc


def _where(exc: Exception, before: str = "") -> str:
    """`commit[0].stage: Expected `array`, got `int``."""
    found = AT.match(str(exc))
    if found is None:
        return f"{before}: {exc}" if before else str(exc)
    what, path = found.groups()
    joint = "" if path.startswith("[") or not before or not path else "."
    return f"{before}{joint}{path}: {what}"
