"""Who speaks. The first on the stage is the active speaker, behind come those who spoke last.

Whoever is in the spotlight comes before all others, in the order in which they were put there.
Somebody *speaks* after the attack time of voice, pauses between syllables counted: a cough is
shorter. They take the first place at once when nobody holds it any more, so that a reply is seen
within 0.6 s; over somebody who still speaks they have to be clearly louder, and go on.
"""

import math
from collections.abc import Iterable, Mapping, Set

import msgspec

ATTACK = 0.4
"""Seconds of voice before it counts: longer than a cough, shorter than most words of a reply."""

PAUSE = 0.3
"""Seconds of silence after which somebody has stopped: between words it is shorter."""

BRIDGED = 0.2
"""Seconds of silence that count as voice when it goes on behind them, as between syllables."""

INTERRUPTION = 0.8
"""Seconds of voice after which somebody can take over from one who still speaks."""

LOUDER_DB = 3.0
"""How much louder they must be for that: twice the power is heard as clearly louder."""

QUIETER_DB = -12.0
"""How much quieter than the last speaker a reply may be: what is softer is a murmur."""

SHOT = 1.2
"""Seconds that a picture stays at least: quicker cuts make viewers dizzy."""

HOLD = 2.0
"""The same while the active speaker still speaks."""

RELEASE = 0.6
"""Seconds in which a loudness falls to a third."""

SILENCE_DB = -100.0


class Voice(msgspec.Struct, frozen=True):
    """What somebody said in some time."""

    voiced: float = 0.0
    "Seconds of it that were voice, above the noise of the line."
    power: float = 0.0
    "Mean power of those, 1.0 being full scale."
    level: int = 0
    "0 to 100, above the noise of the line."


class Turn(msgspec.Struct, frozen=True):
    """How long and how loud somebody has been speaking."""

    talk: float = 0.0
    "Seconds of voice without a pause."
    silence: float = 0.0
    "Seconds since the last of it."
    loudness: float = 0.0
    "Smoothed power."
    level: int = 0

    def speaks(self) -> bool:
        return self.talk >= ATTACK - TINY


TINY = 1e-6
"""Seconds by which sums of floating numbers may be wrong."""


class Stage(msgspec.Struct, frozen=True):
    """Who is heard, and what the next decision needs."""

    spoken: tuple[str, ...] = ()
    "Active speaker first, then who spoke last, then who came first."
    spotlit: tuple[str, ...] = ()
    "In the order in which they were put into the spotlight."
    muted: frozenset[str] = frozenset()
    turns: dict[str, Turn] = {}
    heard_at: float = 0.0
    changed_at: float = -math.inf

    @property
    def order(self) -> tuple[str, ...]:
        """All, the spotlit first."""
        if not self.spotlit:
            return self.spoken
        return self.spotlit + tuple(who for who in self.spoken if who not in self.spotlit)

    def levels(self) -> tuple[int, ...]:
        """How loud each is, 0 to 100, in that order."""
        return tuple(self.turns[who].level if who in self.turns else 0 for who in self.order)


def present(
    stage: Stage,
    participants: Iterable[str],
    *,
    spotlit: Iterable[str] = (),
    muted: Set[str] = frozenset(),
) -> Stage:
    """Those who came line up at the end, those who went are forgotten."""
    here = list(participants)
    stayed = tuple(who for who in stage.spoken if who in here)
    return msgspec.structs.replace(
        stage,
        spoken=stayed + tuple(who for who in here if who not in stayed),
        spotlit=tuple(who for who in spotlit if who in here),
        muted=frozenset(muted),
        turns={who: stage.turns[who] for who in here if who in stage.turns and who not in muted},
    )


def hear(stage: Stage, voices: Mapping[str, Voice], now: float) -> Stage:
    """What was heard since the last call, up to `now` in seconds, changes."""
    passed = max(now - stage.heard_at, 0.0)
    turns = {
        who: _go_on(stage.turns.get(who, NO_TURN), voices.get(who, NO_VOICE), passed)
        for who in stage.spoken
        if who not in stage.muted
    }
    stage = msgspec.structs.replace(stage, turns=turns, heard_at=now)
    if not stage.spoken:
        return stage
    active = stage.spoken[0]
    speaking = [who for who in stage.spoken[1:] if who in turns and turns[who].speaks()]
    challenger = max(speaking, key=lambda who: turns[who].loudness, default="")
    if challenger and _takes_over(stage, turns[challenger], turns.get(active, NO_TURN)):
        speaking = [active, *(who for who in speaking if who != challenger)]
        active = challenger
        stage = msgspec.structs.replace(stage, changed_at=now)
    front = (active, *speaking)
    order = front + tuple(who for who in stage.spoken if who not in front)
    return stage if order == stage.spoken else msgspec.structs.replace(stage, spoken=order)


def decibels(power: float) -> float:
    return 10 * math.log10(power) if power > 0 else SILENCE_DB


NO_VOICE = Voice()
NO_TURN = Turn()


def _go_on(turn: Turn, voice: Voice, passed: float) -> Turn:
    loudness = max(voice.power, turn.loudness * math.exp(-passed / RELEASE))
    voiced = min(voice.voiced, passed)
    if voiced <= 0:
        silence = turn.silence + passed
        talk = turn.talk if silence <= PAUSE + TINY else 0.0
        return Turn(talk, silence, loudness, voice.level)
    if not turn.talk:
        # What was silent before the first sound is no pause behind it.
        return Turn(voiced, 0.0, loudness, voice.level)
    bridge = turn.silence if turn.silence <= BRIDGED + TINY else 0.0
    return Turn(turn.talk + bridge + voiced, passed - voiced, loudness, voice.level)


def _takes_over(stage: Stage, challenger: Turn, active: Turn) -> bool:
    shown = stage.heard_at - stage.changed_at + TINY
    louder = decibels(challenger.loudness) - decibels(active.loudness)
    if active.speaks():
        return challenger.talk >= INTERRUPTION and louder >= LOUDER_DB and shown >= HOLD
    return louder >= QUIETER_DB and shown >= SHOT
