"""How a replay came out beside its log. Pure.

Only what was decided and shown is looked at; what the replay is told, or has in another way, is
not: who speaks, how sources do, which worker does what. What an older version did not write down
is not asked of a newer one.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from cli.log.diff import Change, compare_stories
from cli.log.read import Log
from cli.log.story import Lane, Story, Told, story
from cli.replay.plan import plans

JUDGED = frozenset({"conference", "call", "routing", "destination", "assignment", "layout"})

USUAL = ("layout", "single 1280x720 30 all")
"""The feed that is always made; others are made, and told of, only while they are taken, and
takers come and go at other moments in a replay (ADR 5)."""

ELSEWHERE = frozenset({"location", "node", "delivery", "encrypted", "tls_version"})
"""Fields that depend on where a stream really goes."""

UNTOLD = frozenset({"reason", "detail", "on_air", "presentation_detail"})
"""Words about a server, which is another one here."""


def judge(recorded: Log, replayed: Log) -> list[Change]:
    one, other = story(recorded), story(replayed)
    known = _known(recorded)
    strange = {(who, leg) for (who, leg), plan in plans(recorded).items() if plan.strange()}
    fields = _names(recorded)
    changes = compare_stories(
        _trimmed(one, known, fields, bool(strange)), _trimmed(other, known, fields, bool(strange))
    )
    return [c for c in changes if not _as_good(c.lane, one, other)]


def _as_good(lane: Lane, one: Story, other: Story) -> bool:
    """Whether what was shown in a feed that comes and goes is a part of what was shown before."""
    if lane[0] != "layout" or lane == USUAL:
        return False
    then = [told.line for told in one.lanes.get(lane, [])]
    now = [told.line for told in other.lanes.get(lane, [])]
    return _within(then, now) or _within(now, then)


def _within(part: list[str], whole: list[str]) -> bool:
    """Whether all of it was shown in the other, in that order, with anything in between."""
    left = iter(whole)
    return all(line in left for line in part)


def _trimmed(
    told: Story, known: Mapping[str, frozenset[str]], fields: frozenset[str], strange: bool
) -> Story:
    lanes = {
        lane: [_told(one, known, strange) for one in lines]
        for lane, lines in told.lanes.items()
        if lane[0] in JUDGED
    }
    return Story(told.conference, told.name, lanes, _view(told.view, fields), told.names)


def _told(told: Told, known: Mapping[str, frozenset[str]], strange: bool) -> Told:
    kind = str(told.event["type"])
    written = known.get(kind)
    left_out = ELSEWHERE | UNTOLD | (frozenset({"code", "attempt"}) if strange else frozenset())
    event = {
        name: _elsewhere(value)
        for name, value in told.event.items()
        if (written is None or name in written) and name not in left_out
    }
    return Told(told.line, event)


def _elsewhere(value: Any) -> Any:
    """Addresses without how they are pushed to."""
    if isinstance(value, dict):
        return {name: _elsewhere(v) for name, v in value.items() if name != "delivery"}
    return value


def _view(view: dict[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    def trimmed(found: Any) -> Any:
        match found:
            case dict():
                return {
                    name: trimmed(value)
                    for name, value in found.items()
                    if name in fields and name not in ELSEWHERE | UNTOLD
                }
            case list():
                return [trimmed(one) for one in found]
        return found

    told = trimmed(view)
    assert isinstance(told, dict)
    return told


def _known(log: Log) -> dict[str, frozenset[str]]:
    """By type: the fields that the version which wrote the log knew."""
    known: dict[str, set[str]] = {}
    for entry in log.entries:
        for event in msgspec.json.decode(entry.line.commit):
            known.setdefault(event["type"], set()).update(event)
    return {kind: frozenset(names) for kind, names in known.items()}


def _names(log: Log) -> frozenset[str]:
    """The same of its view."""
    found: set[str] = set()

    def look(value: Any) -> None:
        match value:
            case dict():
                found.update(value)
                for one in value.values():
                    look(one)
            case list():
                for one in value:
                    look(one)

    look(msgspec.json.decode(log.raw_view))
    return frozenset(found)
