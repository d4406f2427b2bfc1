"""How much is spent on the pictures: less when the encoder cannot keep up, more when it can again.

A reactor: told of every picture what it cost and how late it was, it answers which measures are in
force from now on. A measure is taken after seconds of overload and given up after a minute of ease,
one at a time; one that had to be taken again is kept for longer.
"""

from typing import NamedTuple

import msgspec

from proto.egress import Measure

WINDOW = 1.0
"""Seconds over which cost is summed up: a key frame's alone says nothing."""

BUSY = 0.9
"""Share of the time that goes into encoding at which there is none to spare."""

PRESSED = 0.7
"""The same where what comes is late throughout a window."""

LATE = 0.1
"""Seconds; a picture that waited behind a key frame is less late, or the next one is."""

OVERLOADED = 4
"""Windows in a row before a measure is taken: other work's bursts are shorter."""

SETTLING = 4.0
"""Seconds after a change in which nothing is judged: the queue has to go down."""

EASY = 0.7
"""Share of the time that encoding may take once a measure is given up, as far as can be told."""

SAVES: dict[Measure, float] = {"preset": 2.2, "frame_rate": 2.0, "size": 2.25}
"""What a picture costs without the measure, over what it costs with it."""

HOLD = 60.0
"""Seconds of ease after which a measure is given up."""

LONGEST_HOLD = 960.0
"""What this grows to, twofold each time that a measure has to be taken again soon."""

SOON = 120.0
"""Seconds after giving one up in which taking one means that it was too early."""


class Encoded(NamedTuple):
    """A picture."""

    seconds: float
    "That the encoder took for it."
    late: float
    "Seconds, compared with the first ones."


class Use(NamedTuple):
    """Let these measures be in force."""

    measures: tuple[Measure, ...]
    reason: str
    "For a person."


class Load(msgspec.Struct, frozen=True):
    """How it has been going."""

    ladder: tuple[Measure, ...]
    "Measures that may be taken, in their order."
    taken: int = 0
    begun: float | None = None
    "When this window began; none: with the next picture."
    spent: float = 0.0
    late: float = float("inf")
    "The least of this window: a queue that stands, not one that comes and goes."
    overloaded: int = 0
    "Windows in a row."
    easy_since: float | None = None
    settled_at: float = 0.0
    hold: float = HOLD
    given_up_at: float | None = None


def react(state: Load, picture: Encoded, now: float) -> tuple[Load, list[Use]]:
    if now < state.settled_at:
        return state, []
    if state.begun is None:
        return _fresh(state, now), []
    late = min(state.late, picture.late)
    state = msgspec.structs.replace(state, spent=state.spent + picture.seconds, late=late)
    assert state.begun is not None
    if now - state.begun < WINDOW:
        return state, []
    busy = state.spent / (now - state.begun)
    return _judge(_fresh(state, now), busy, state.late, now)


def came_into_force(state: Load, now: float) -> Load:
    """What was answered is done from now on; it had to wait for a key frame."""
    return msgspec.structs.replace(state, begun=None, settled_at=now + SETTLING)


def _fresh(state: Load, now: float) -> Load:
    return msgspec.structs.replace(state, begun=now, spent=0.0, late=float("inf"))


def _judge(state: Load, busy: float, late: float, now: float) -> tuple[Load, list[Use]]:
    """A window is over."""
    if busy >= BUSY or (busy >= PRESSED and late >= LATE):
        state = msgspec.structs.replace(state, overloaded=state.overloaded + 1, easy_since=None)
        if state.overloaded < OVERLOADED or state.taken == len(state.ladder):
            return state, []
        return _take(state, busy, now)
    state = msgspec.structs.replace(state, overloaded=0)
    if state.taken == 0 or busy * SAVES[state.ladder[state.taken - 1]] > EASY:
        return msgspec.structs.replace(state, easy_since=None), []
    if state.easy_since is None:
        return msgspec.structs.replace(state, easy_since=now), []
    if now - state.easy_since < state.hold:
        return state, []
    return _give_up(state, now)


def _take(state: Load, busy: float, now: float) -> tuple[Load, list[Use]]:
    since = float("inf") if state.given_up_at is None else now - state.given_up_at
    hold = min(LONGEST_HOLD, 2 * state.hold) if since < SOON else state.hold
    if since > LONGEST_HOLD:
        hold = HOLD
    reason = f"encoding takes {round(100 * busy)} % of the time there is"
    return _change(state, state.taken + 1, reason, now, hold=hold)


def _give_up(state: Load, now: float) -> tuple[Load, list[Use]]:
    reason = "the encoder has time to spare again"
    return _change(state, state.taken - 1, reason, now, hold=state.hold, given_up_at=now)


def _change(
    state: Load,
    taken: int,
    reason: str,
    now: float,
    *,
    hold: float,
    given_up_at: float | None = None,
) -> tuple[Load, list[Use]]:
    state = Load(
        state.ladder,
        taken,
        settled_at=now + SETTLING,
        hold=hold,
        given_up_at=state.given_up_at if given_up_at is None else given_up_at,
    )
    return state, [Use(state.ladder[:taken], reason)]
