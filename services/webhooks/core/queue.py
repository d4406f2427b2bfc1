"""What a sink is told next, and when again what it did not take.

Order holds within a conference: each has a lane, of which only the first event is ever on its way.
A lane whose event is refused waits on its own; others go on. Only a sink that takes nothing at all
is taken for down: then one delivery at a time finds out whether it is back.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec

from proto.webhooks import DEAD_KEPT, DOWN_AFTER, Dead, Lane, Notice, SinkState, Trouble

replace = msgspec.structs.replace

FIRST_PAUSE = 1.0
"""Seconds before the second try; doubled for each that follows."""

LONGEST_PAUSE = 3600.0
"""Seconds between tries at most, also where the sink asks for more by `Retry-After`."""

DOWN_PAUSE = 60.0
"""Seconds at most between tries of different conferences at a sink that is taken for down: it may
be one bad event alone that it does not take, in a quiet hour."""

LANES = 1000
"""Conferences of which something waits, at most: then no more is taken in for the while."""


def came(state: SinkState, conference: str, sequence: int, at: datetime | None) -> SinkState:
    """There is something new to tell of a conference."""
    if sequence <= state.cursor:
        return state
    lane = state.lanes.get(conference)
    if lane is None:
        lane = Lane(sequence - 1, sequence, since=at)
    lane = replace(lane, newest=sequence)
    return replace(state, cursor=sequence, lanes=state.lanes | {conference: lane})


def full(state: SinkState) -> bool:
    return len(state.lanes) >= LANES


def ready(state: SinkState, busy: Collection[str], now: datetime, room: int) -> list[str]:
    """The conferences of which the next event is to be delivered now, at most `room`."""
    if down(state):
        if busy or (state.retry_at is not None and state.retry_at > now):
            return []
        room = min(room, 1)
    waiting = [c for c, lane in state.lanes.items() if (lane.retry_at or now) <= now]
    # What has failed least is tried first, so that one bad event does not stand for the sink.
    waiting.sort(key=lambda c: (state.lanes[c].failures, state.lanes[c].after))
    return [c for c in waiting if c not in busy][: max(0, room)]


def wake_at(state: SinkState, busy: Collection[str]) -> datetime | None:
    """When `ready` may say something else, if nothing happens; None: only if something does."""
    if not down(state):
        pauses = [lane.retry_at for c, lane in state.lanes.items() if c not in busy]
        return min((at for at in pauses if at is not None), default=None)
    if busy or not state.lanes or state.retry_at is None:
        return None
    first = min(lane.retry_at or state.retry_at for lane in state.lanes.values())
    return max(first, state.retry_at)


def down(state: SinkState) -> bool:
    return state.failures >= DOWN_AFTER


def advanced(state: SinkState, conference: str, sequence: int, part: int = 0) -> SinkState:
    """Done with the message `sequence`, or with the first `part` of what is in it."""
    lane = state.lanes.get(conference)
    if lane is None:
        return state
    # One that is done in part stays the message right behind `after`.
    lane = Lane(sequence - 1 if part else sequence, lane.newest, part)
    if lane.after >= lane.newest:
        return replace(state, lanes={c: one for c, one in state.lanes.items() if c != conference})
    return replace(state, lanes=state.lanes | {conference: lane})


def emptied(state: SinkState, conference: str) -> SinkState:
    """There is nothing more of the conference: what there was is older than the stream keeps."""
    lane = state.lanes.get(conference)
    return state if lane is None else advanced(state, conference, lane.newest)


def succeeded(state: SinkState, count: int, now: datetime) -> SinkState:
    """The sink took something: if it was down, everybody who waits goes at once."""
    lanes = state.lanes
    if down(state):
        lanes = {c: replace(lane, retry_at=None) for c, lane in lanes.items()}
    return replace(
        state,
        lanes=lanes,
        failures=0,
        retry_at=None,
        delivered=state.delivered + count,
        last_success_at=now,
    )


def failed(
    state: SinkState,
    conference: str,
    first: Notice,
    trouble: Trouble,
    asked: float,
    chance: float,
) -> SinkState:
    """The sink did not take `first`; it may have `asked` for so many seconds until the next try.

    `chance` is from 0 up to 1.
    """
    lane = state.lanes[conference]
    failures = state.failures + 1
    now = trouble.at
    lane = replace(
        lane,
        failures=lane.failures + 1,
        retry_at=now + pause(lane.failures + 1, asked, chance),
        since=first.at,
    )
    return replace(
        state,
        lanes=state.lanes | {conference: lane},
        failures=failures,
        retry_at=now + pause(failures, asked, chance, DOWN_PAUSE)
        if failures >= DOWN_AFTER
        else None,
        last_error=trouble,
    )


def pause(failures: int, asked: float, chance: float, most: float = LONGEST_PAUSE) -> timedelta:
    """Doubles with every failure; half of it is left to chance, so that not all come at once."""
    longest = min(FIRST_PAUSE * 2 ** min(failures - 1, 30), most)
    return timedelta(seconds=max(longest * (1 + chance) / 2, min(asked, LONGEST_PAUSE)))


def given_up(state: SinkState, conference: str, sequence: int, notices: list[Notice]) -> SinkState:
    """Too old: remember what it was, and go on with what follows."""
    lane = state.lanes[conference]
    code = state.last_error.code if state.last_error else "too-old"
    dead = [Dead(n.id, n.type, conference, sequence, n.at, code, lane.failures) for n in notices]
    return replace(
        state,
        dead=[*state.dead, *dead][-DEAD_KEPT:],
        given_up=state.given_up + len(dead),
    )


def redelivered(state: SinkState, ids: Collection[str], count: int, now: datetime) -> SinkState:
    """Of what was given up, these are done with; `count` of them were taken."""
    dead = [one for one in state.dead if one.id not in ids]
    state = replace(state, dead=dead)
    return succeeded(state, count, now) if count else state


def disabled(state: SinkState, revision: int, at: datetime) -> SinkState:
    return replace(state, disabled_at=at, disabled_revision=revision)


def enabled(state: SinkState, revision: int) -> SinkState:
    """It has been configured anew since it said that it is gone: what waits is tried at once."""
    if state.disabled_at is None or revision <= state.disabled_revision:
        return state
    lanes = {c: replace(lane, failures=0, retry_at=None) for c, lane in state.lanes.items()}
    return replace(
        state, disabled_at=None, disabled_revision=0, failures=0, retry_at=None, lanes=lanes
    )
