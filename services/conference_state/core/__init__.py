"""The rules of a conference. Pure: no I/O, no clock, no randomness, no logging."""

from services.conference_state.core.decide import decide
from services.conference_state.core.facts import Fact, learn
from services.conference_state.core.keeping import keeps
from services.conference_state.core.life import (
    ALONE,
    CALL_DISCONNECTED,
    DIAL_OUT_FAILED,
    HOSTS_LEFT,
    LAST_LEFT,
    WAITED_TOO_LONG,
    deadline,
)
from services.conference_state.core.roles import role_by_pin
from services.conference_state.core.transfer import TRANSFERRED
from services.conference_state.core.view import empty, evolve, replay
from services.conference_state.core.vmr import Automatic, Vmr

__all__ = [
    "ALONE",
    "CALL_DISCONNECTED",
    "DIAL_OUT_FAILED",
    "HOSTS_LEFT",
    "LAST_LEFT",
    "TRANSFERRED",
    "WAITED_TOO_LONG",
    "Automatic",
    "Fact",
    "Vmr",
    "deadline",
    "decide",
    "empty",
    "evolve",
    "keeps",
    "learn",
    "replay",
    "role_by_pin",
]
