"""A recorded log, and how what came out of its replay differs from it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import unified_diff

import msgspec

from proto import conference, egress, mixer, scheduler
from proto.conference import ParticipantJoined
from proto.media import FeedSpec
from proto.mixer import LayoutChanged, Slot
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


def layouts(changes: Iterable[LayoutChanged]) -> dict[FeedSpec, list[LayoutChanged]]:
    """What each feed showed, one after the other; what follows its equal does not count."""
    shown: dict[FeedSpec, list[LayoutChanged]] = {}
    for change in changes:
        sequence = shown.setdefault(change.feed, [])
        if not sequence or _picture(sequence[-1]) != _picture(change):
            sequence.append(change)
    return shown


def _picture(change: LayoutChanged) -> tuple[str, list[Slot]]:
    return change.view, change.slots


def differences(
    recorded: Recording, view: ConferenceView, changes: Iterable[LayoutChanged]
) -> list[str]:
    """Lines that tell a person what came out differently; none if nothing did."""
    found = _compare("view", _pretty(recorded.view), _pretty(view))
    names = _names(recorded)
    before = layouts(_recorded_changes(recorded))
    after = layouts(changes)
    for feed in {**before, **after}:
        then, now = ([_told(c, names) for c in known.get(feed, [])] for known in (before, after))
        # All but the usual feed are reported only while they are taken, and takers come and go
        # at other moments in a replay (ADR 5).
        if feed != FeedSpec(feed.conference) and (_within(then, now) or _within(now, then)):
            continue
        what = f"layouts of {feed.content} {feed.width}x{feed.height}"
        found += _compare(what + " for streams" * feed.streaming, then, now)
    return found


def _within(part: list[str], whole: list[str]) -> bool:
    """Whether something was shown, and all of it one after the other in the other, too."""
    ends = range(len(part), len(whole) + 1)
    return bool(part) and any(whole[end - len(part) : end] == part for end in ends)


def _told(change: LayoutChanged, names: dict[str, str]) -> str:
    """`1:7 main=Ada(539b) pip=Tim(2048)`."""
    slots = (
        f"{slot.kind}={names.get(slot.participant, '')}({slot.participant[:4]})"
        for slot in change.slots
    )
    return " ".join([change.view, *slots])


def _names(recording: Recording) -> dict[str, str]:
    return {
        event.participant: event.display_name
        for line in recording.lines
        if line.family == "conference"
        for event in events(line)
        if isinstance(event, ParticipantJoined)
    }


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
