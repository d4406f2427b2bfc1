"""How long something took in a process that has no traces of its own; `kit.trace` makes spans."""

import msgspec


class Stage(msgspec.Struct, frozen=True):
    name: str
    begun: float
    "Seconds of CLOCK_MONOTONIC, which all processes of a machine share."
    ended: float
