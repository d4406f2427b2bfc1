"""How long streams keep what they hold: settings, and bringing streams that are there to them."""

from datetime import timedelta
from typing import Annotated, NamedTuple

import msgspec
import structlog
from nats.js import JetStreamContext

from kit.config import BadConfig, BaseConfig
from proto import subjects

log = structlog.get_logger()

DAY = 86_400.0

SHORTEST = 1.0
"""Days: what is kept for less could be gone before a service that was away has read it."""

DUPLICATES = 120.0
"""Seconds in which nats-server knows a message again; may not be longer than a message is kept."""

NonNegative = Annotated[float, msgspec.Meta(ge=0)]


class Keeping(BaseConfig, frozen=True, kw_only=True):
    """What of the past is kept; 0: all."""

    events_keep_days: NonNegative = 0.0
    "Age at which events are deleted: history, logs of conferences, what mixer and egress told."
    events_keep_gb: NonNegative = 0.0
    "Size of each of the streams CONFERENCE, ROUTING, EGRESS, MIXER beyond which the oldest go."
    schedule_keep_days: NonNegative = 0.0
    """The same for SCHEDULER, which is small: must be longer than any conference lasts, because a
    scheduler that is started anew reads there who streams what."""
    parked_keep_days: NonNegative = 0.0
    "The same for messages that nobody could handle."

    def wrong(self) -> str | None:
        for name in ("events_keep_days", "schedule_keep_days", "parked_keep_days"):
            if 0 < getattr(self, name) < SHORTEST:
                return f"ROSTRUM_{name.upper()} must be 0 or at least {SHORTEST:g}"
        return None

    def checked(self) -> "Keeping":
        """Raises BadConfig."""
        if wrong := self.wrong():
            raise BadConfig(wrong)
        return self


class Limit(NamedTuple):
    """Of one stream; None: none."""

    age: timedelta | None = None
    size: int | None = None
    "Bytes."


def limits(keeping: Keeping) -> dict[str, Limit]:
    """By stream."""

    def age(days: float) -> timedelta | None:
        return timedelta(days=days) if days else None

    size = int(keeping.events_keep_gb * 1e9) or None
    events = Limit(age(keeping.events_keep_days), size)
    return {
        **{subjects.stream(family): events for family in subjects.FAMILIES},
        subjects.stream("scheduler"): Limit(age(keeping.schedule_keep_days)),
        subjects.PARKED_STREAM: Limit(age(keeping.parked_keep_days)),
    }


async def apply(js: JetStreamContext, wanted: dict[str, Limit]) -> None:
    """Change the streams that keep something else; what they hold beyond that goes at once."""
    for stream, limit in wanted.items():
        config = (await js.stream_info(stream)).config
        seconds = limit.age.total_seconds() if limit.age else 0.0
        size = limit.size or -1
        if ((config.max_age or 0.0), (config.max_bytes or -1)) == (seconds, size):
            continue
        duplicates = min(DUPLICATES, seconds or DUPLICATES)
        await js.update_stream(
            config.evolve(max_age=seconds, max_bytes=size, duplicate_window=duplicates)
        )
        log.info("kept for", stream=stream, seconds=seconds, bytes=size)
