"""A destination with two addresses: what it is as a whole, and which of them is live.

With `failover` one life tries both by turns; with `hot` each has a life of its own, both publish,
and the destination lives as long as one of them does.
"""

import msgspec

from proto.base import Reason
from proto.egress import OnAir
from services.rtmp_egress.core.life import Tell

NAMES: tuple[OnAir, OnAir] = ("primary", "backup")


def either(told: Tell) -> tuple[Tell, OnAir]:
    """Of one life with two addresses."""
    where = NAMES[told.address]
    if told.state != "publishing":
        return told, ""
    if where == "backup" and not told.reason:
        told = msgspec.structs.replace(told, reason="live at the backup address")
    return told, where


def both(primary: Tell, backup: Tell) -> tuple[Tell, OnAir]:
    """Of two lives with one address each."""
    live = [told.state == "publishing" for told in (primary, backup)]
    if all(live):
        return _warned(primary, backup), "both"
    if any(live):
        up, down = (primary, backup) if live[0] else (backup, primary)
        up_name, down_name = NAMES if live[0] else (NAMES[1], NAMES[0])
        reason = up.reason or _alone(up_name, down_name, down)
        return msgspec.structs.replace(up, reason=reason), up_name
    for state in ("recovering", "connecting", "stopped"):
        for told in (primary, backup):
            if told.state == state:
                return told, ""
    return primary, ""


def is_over(primary: Tell, backup: Tell) -> bool:
    """Whether neither will be heard of again."""
    return {primary.state, backup.state} <= {"failed", "stopped"}


def _warned(primary: Tell, backup: Tell) -> Tell:
    return primary if primary.code or not backup.code else backup


def _alone(up: OnAir, down: OnAir, told: Tell) -> Reason:
    why = f": {told.reason}" if told.reason else ""
    return f"live at the {up} address alone; the {down} one is {told.state}{why}"
