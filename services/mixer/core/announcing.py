"""Whether an announcement is to be played: once, and only while it is news."""

from datetime import datetime, timedelta

import msgspec

from proto.views import AnnouncementView

NEWS = timedelta(seconds=3)
"""Age at which it is no news any more. A worker that dies is known to be lost after 3.5 s, so the
one that takes over does not announce it again."""


class Announced(msgspec.Struct, frozen=True):
    """The newest that was seen, whether or not it was played."""

    at: datetime | None = None


def announce(
    state: Announced, asked: AnnouncementView | None, now: datetime
) -> tuple[Announced, AnnouncementView | None]:
    """The conference's view has `asked`; what is to be played now."""
    if asked is None or (state.at is not None and asked.at <= state.at):
        return state, None
    return Announced(asked.at), asked if now - asked.at < NEWS else None
