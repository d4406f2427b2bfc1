"""When others are told of the stage: at most twice a second, whatever the voices do."""

import math

import msgspec

from services.mixer.core.stage import Stage

LESSER = 1.0
"""Seconds between a telling and the next that is not about another first: with a new first at most
every `stage.SHOT`, there are never more than two in a second."""

STEP = 5
"""By which a level has to change to be told: fewer nobody sees."""


class Telling(msgspec.Struct, frozen=True):
    """What was told last."""

    order: tuple[str, ...] = ()
    levels: tuple[int, ...] = ()
    at: float = -math.inf
    reordered: bool = False
    "It was about more than levels."


def tell(last: Telling, stage: Stage, now: float) -> Telling:
    """What is known from now on; the same object if there is nothing to tell."""
    order, levels = stage.order, stage.levels()
    due = now - last.at >= LESSER
    if order[:1] != last.order[:1] or (order != last.order and due):
        return Telling(order, levels, now, True)
    if order != last.order or not due:
        return last
    moved = any(abs(one - other) >= STEP for one, other in zip(levels, last.levels, strict=True))
    silent = not any(levels) and any(last.levels)
    return Telling(order, levels, now) if moved or silent else last
