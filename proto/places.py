"""Where work may go, by what the system locations say; first the place that is to be preferred."""

from collections.abc import Mapping

from proto.config import SystemLocation

Locations = Mapping[str, SystemLocation]
"""By name. A location that is not configured, but has workers, overflows nowhere."""


def mixing(location: str, known: Locations) -> tuple[str, ...]:
    """Where a conference is mixed whose first participant came in there; empty: anywhere."""
    said = known.get(location)
    first = (said and said.transcoding_location) or location
    return _distinct(first, *_overflow(said))


def sending(location: str, known: Locations) -> tuple[str, ...]:
    """Where a stream may leave from that is to leave from there; empty: anywhere."""
    return _distinct(location, *_overflow(known.get(location)))


def _overflow(said: SystemLocation | None) -> tuple[str | None, ...]:
    return (said.overflow_location1, said.overflow_location2) if said else ()


def _distinct(*names: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
