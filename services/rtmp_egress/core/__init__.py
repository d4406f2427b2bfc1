"""The rules of a destination. Pure: no I/O, no clock, no randomness, no logging."""

from services.rtmp_egress.core.life import (
    Action,
    Connected,
    Destination,
    Dial,
    Failed,
    HangUp,
    Input,
    Overflowed,
    Removed,
    Tell,
    WakeAt,
    Woken,
    react,
    start,
)
from services.rtmp_egress.core.spare import both, either, is_over

__all__ = [
    "Action",
    "Connected",
    "Destination",
    "Dial",
    "Failed",
    "HangUp",
    "Input",
    "Overflowed",
    "Removed",
    "Tell",
    "WakeAt",
    "Woken",
    "both",
    "either",
    "is_over",
    "react",
    "start",
]
