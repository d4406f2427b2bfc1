"""A recorded log, and how what came out of its replay differs from it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import unified_diff

import msgspec

from proto import conference, egress, mixer, scheduler
from proto.conference import ConferenceEvent
from proto.media import FeedSpec
from proto.mixer import LayoutChanged
from proto.subjects import Family
from proto.views import ConferenceView


class Line(msgspec.Struct, frozen=True):
    """One stored message."""

    family: Family
    sequence: int
    time: datetime
    commit: msgspec.Raw


class Recording(msgspec.Struct, frozen=True):
    lines: list[Line]
    view: ConferenceView
    "As it was at the end."


class BadRecording(Exception):
    """The file is not what `events export` prints; says where."""


def read(text: str) -> Recording:
    """Take an exported log apart."""
    lines: list[Line] = []
    view: ConferenceView | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip():
            continue
        if view is not None:
            raise BadRecording(f"line {number}: something follows the view")
        try:
            if raw.startswith('{"view"'):
                view = msgspec.json.decode(raw, type=dict[str, ConferenceView])["view"]
            else:
                lines.append(msgspec.json.decode(raw, type=Line))
                events(lines[-1])
        except msgspec.MsgspecError as exc:
            raise BadRecording(f"line {number}: {exc}") from exc
    if view is None:
        raise BadRecording("the last line, which holds the view, is missing")
    return Recording(lines, view)


def events(line: Line) -> Sequence[object]:
    """What the line says, where a replay needs to know."""
    match line.family:
        case "conference":
            return conference.decode_commit(bytes(line.commit))
        case "mixer":
            return mixer.decode_commit(bytes(line.commit))
        case "scheduler":
            return scheduler.decode_commit(bytes(line.commit))
        case "egress":
            return egress.decode_commit(bytes(line.commit))
        case _:
            return []


def conference_events(recording: Recording) -> list[ConferenceEvent]:
    return [
        event
        for line in recording.lines
        if line.family == "conference"
        for event in conference.decode_commit(bytes(line.commit))
    ]


def layouts(changes: Iterable[LayoutChanged]) -> dict[FeedSpec, list[str]]:
    """What each feed showed, one after the other: `1:7 main=a pip=b`; repetitions count once."""
    shown: dict[FeedSpec, list[str]] = {}
    for change in changes:
        text = " ".join(
            [change.view, *(f"{slot.kind}={slot.participant}" for slot in change.slots)]
        )
        sequence = shown.setdefault(change.feed, [])
        if not sequence or sequence[-1] != text:
            sequence.append(text)
    return shown


def differences(
    recorded: Recording, view: ConferenceView, changes: Iterable[LayoutChanged]
) -> list[str]:
    """Lines that tell a person what came out differently; none if nothing did."""
    found = _compare("view", _pretty(recorded.view), _pretty(view))
    before = layouts(_recorded_changes(recorded))
    after = layouts(changes)
    for feed in {**before, **after}:
        name = f"layouts of {feed.content} {feed.width}x{feed.height}"
        found += _compare(name, before.get(feed, []), after.get(feed, []))
    return found


def _recorded_changes(recording: Recording) -> list[LayoutChanged]:
    return [
        event
        for line in recording.lines
        if line.family == "mixer"
        for event in events(line)
        if isinstance(event, LayoutChanged)
    ]


def _pretty(view: ConferenceView) -> list[str]:
    """The view but for its version, which counts messages of the stream it was made in."""
    same = msgspec.structs.replace(view, version=0)
    return msgspec.json.format(msgspec.json.encode(same), indent=2).decode().splitlines()


def _compare(what: str, recorded: list[str], replayed: list[str]) -> list[str]:
    return list(
        unified_diff(recorded, replayed, f"recorded {what}", f"replayed {what}", "", "", 2, "")
    )


