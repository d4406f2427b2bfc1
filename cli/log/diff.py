"""Two exports beside each other, conference by conference."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal

import msgspec

from cli.log.read import Export, Log
from cli.log.story import Lane, Story, Told, story

Sign = Literal["-", "+", " "]

AROUND = 2
"""Equal lines that are shown before and behind a difference."""


class Change(msgspec.Struct, frozen=True):
    """Lines of one lane: what stood in the one and stands in the other."""

    conference: str
    "Its name, for people."
    lane: Lane
    lines: list[tuple[Sign, str]]
    who: str = ""
    "The name of the participant that the lane is about, for people."

    @property
    def title(self) -> str:
        return " ".join([*self.lane, *([f"({self.who})"] if self.who else [])])


def compare(before: Export, after: Export) -> list[Change]:
    """All that is different; empty: the same was decided. Conferences are paired in order, those
    with the same name first."""
    changes: list[Change] = []
    for one, other in _paired(before.logs, after.logs):
        if one is None or other is None:
            only = one or other
            assert only is not None
            sign: Sign = "-" if other is None else "+"
            changes.append(Change(_name(only), ("conferences",), [(sign, _name(only))]))
        else:
            changes += compare_stories(story(one), story(other))
    return changes


def compare_stories(one: Story, other: Story) -> list[Change]:
    name = one.name or other.name or one.conference
    changes = []
    for lane in sorted({*one.lanes, *other.lanes}):
        lines = _differences(one.lanes.get(lane, []), other.lanes.get(lane, []))
        if lines:
            changes.append(Change(name, lane, lines, _who(lane, one) or _who(lane, other)))
    views = _differences(_pretty(one.view), _pretty(other.view))
    return [*changes, *([Change(name, ("view", "at the end"), views)] if views else [])]


def _who(lane: Lane, told: Story) -> str:
    return told.names.get(lane[1], "") if len(lane) > 1 else ""


def _paired(before: Sequence[Log], after: Sequence[Log]) -> Iterator[tuple[Log | None, Log | None]]:
    left = list(after)
    alone = []
    for log in before:
        found = next((o for o in left if _name(o) == _name(log)), None)
        if found is None:
            alone.append(log)
        else:
            left.remove(found)
            yield log, found
    pairs = max(len(alone), len(left))
    padded = ([*alone, *[None] * pairs][:pairs], [*left, *[None] * pairs][:pairs])
    yield from zip(*padded, strict=True)


def _name(log: Log) -> str:
    return log.view.name or log.conference


def _differences(one: Sequence[Told], other: Sequence[Told]) -> list[tuple[Sign, str]]:
    """Whole events count, also where their lines leave something out."""
    if [told.event for told in one] == [told.event for told in other]:
        return []
    before, after = ([_line(told) for told in lane] for lane in (one, other))
    lines: list[tuple[Sign, str]] = []
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(AROUND):
        for what, begin, end, start, stop in group:
            if what == "equal":
                lines += [(" ", line) for line in before[begin:end]]
            else:
                lines += [("-", line) for line in before[begin:end]]
                lines += [("+", line) for line in after[start:stop]]
    return lines


def _line(told: Told) -> str:
    return told.line


def _pretty(view: dict[str, Any]) -> list[Told]:
    text = msgspec.json.format(msgspec.json.encode(view), indent=2).decode()
    return [Told(line, {"line": line}) for line in text.splitlines()]
