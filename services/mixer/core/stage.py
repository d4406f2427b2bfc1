"""Who speaks. The first on the stage is the active speaker, behind come those who spoke last.

A challenger takes the first place when it has been clearly louder for the attack time, and the
last change was longer ago than the hold time: a cough or a sentence in chorus changes nothing.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

THRESHOLD_DB = -45.0
"""Below full scale: under it is a quiet room, not a voice."""

HYSTERESIS_DB = 3.0
"""How much louder a challenger must be: twice the power is heard as clearly louder."""

ATTACK = 0.3
"""Seconds of being louder before it counts: a word, not a click."""

HOLD = 2.0
"""Seconds that a speaker keeps the picture at least: quicker cuts make viewers dizzy."""

RELEASE = 0.6
"""Seconds in which a loudness falls to a third: the pauses between words are bridged."""

SILENCE_DB = -100.0


class Stage(msgspec.Struct, frozen=True):
    """Who is heard, active speaker first, and what the next decision needs."""

    order: tuple[str, ...] = ()
    loudness: dict[str, float] = {}
    "Smoothed power of each voice, 1.0 being full scale."
    heard_at: float = 0.0
    challenger: str = ""
    challenged_at: float = 0.0
    changed_at: float = -math.inf


def present(stage: Stage, participants: Iterable[str]) -> Stage:
    """Those who came line up at the end, those who went are forgotten."""
    here = list(participants)
    stayed = tuple(who for who in stage.order if who in here)
    order = stayed + tuple(who for who in here if who not in stayed)
    if order == stage.order:
        return stage
    return msgspec.structs.replace(
        stage,
        order=order,
        loudness={who: stage.loudness.get(who, 0.0) for who in order},
        challenger=stage.challenger if stage.challenger in order else "",
    )


def hear(stage: Stage, powers: Mapping[str, float], now: float) -> Stage:
    """What the mean power of each voice since the last call, up to `now` in seconds, changes."""
    fade = math.exp(-max(now - stage.heard_at, 0.0) / RELEASE)
    loudness = {
        who: max(powers.get(who, 0.0), stage.loudness.get(who, 0.0) * fade) for who in stage.order
    }
    stage = msgspec.structs.replace(stage, loudness=loudness, heard_at=now)
    loudest = _challenger(stage)
    if loudest != stage.challenger:
        return msgspec.structs.replace(stage, challenger=loudest, challenged_at=now)
    ripe = now - stage.challenged_at >= ATTACK and now - stage.changed_at >= HOLD
    if not loudest or not ripe:
        return stage
    order = (loudest, *(who for who in stage.order if who != loudest))
    return msgspec.structs.replace(stage, order=order, challenger="", changed_at=now)


def decibels(power: float) -> float:
    return 10 * math.log10(power) if power > 0 else SILENCE_DB


def _challenger(stage: Stage) -> str:
    """Who is loudest and clearly louder than the active speaker; empty for nobody."""
    if not stage.order:
        return ""
    active = stage.order[0]
    loudest = max(stage.order, key=lambda who: stage.loudness[who])
    level = decibels(stage.loudness[loudest])
    if loudest == active or level < THRESHOLD_DB:
        return ""
    return loudest if level >= decibels(stage.loudness[active]) + HYSTERESIS_DB else ""
