"""Who gets the work. Pure: what is assigned now, what is wanted, who offered → what to commit."""

from services.scheduler.core.bids import best, staying
from services.scheduler.core.give import (
    assign_call,
    assign_mix,
    give_up,
    lost_mix,
    move_session,
    release_all,
    release_call,
)
from services.scheduler.core.hand_over import (
    bury,
    can_follow,
    hand_over,
    heard,
    leaving,
    movable,
    move_mix,
    seen,
    without,
)
from services.scheduler.core.wish import RATES, SIZES, audience_of, is_streaming, video_kbps, wish
from services.scheduler.core.work import (
    Session,
    Work,
    evolve,
    orphans,
    room,
    still_wanted,
    stranded,
)

__all__ = [
    "RATES",
    "SIZES",
    "Session",
    "Work",
    "assign_call",
    "assign_mix",
    "audience_of",
    "best",
    "bury",
    "can_follow",
    "evolve",
    "give_up",
    "hand_over",
    "heard",
    "is_streaming",
    "leaving",
    "lost_mix",
    "movable",
    "move_mix",
    "move_session",
    "orphans",
    "release_all",
    "release_call",
    "room",
    "seen",
    "staying",
    "still_wanted",
    "stranded",
    "video_kbps",
    "wish",
    "without",
]
