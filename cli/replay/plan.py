"""What is to become of each dial of a destination, as the log has it. Pure."""

import msgspec

from cli.log.read import Log
from proto.egress import DestinationChanged
from proto.media import Content
from proto.routing import CallRouted
from proto.urls import RECORD

Leg = tuple[str, Content]
"""A participant and which half of their stream."""

REPRODUCED = frozenset(
    {
        *("connect-refused", "connection-lost", "server-closed", "not-rtmp", "handshake-closed"),
        *(
            "refused-after-start",
            "connect-rejected",
            "unknown-app",
            "publish-denied",
            "publish-rejected",
        ),
        "stream-key-in-use-or-invalid",
    }
)
"""Reason codes that our own server can bring about."""

INSTEAD = "connect-refused"
"""What stands for those that it cannot: a name that is not found, a certificate, a full disk."""

AT_ONCE = "refused-after-start"
"""The server takes the stream, and ends it before it has been live for two seconds."""

DROPPED = ("server-closed", "connection-lost")


class Plan(msgspec.Struct, frozen=True):
    """One leg: what it is dialled at, and all that became of it, in order."""

    tls: bool = False
    recorded_here: bool = False
    changes: tuple[DestinationChanged, ...] = ()

    def fault_after(self, seen: int) -> str:
        """What the next dial meets, once `seen` of the changes have been."""
        for change in self.changes[seen:]:
            match change.state:
                case "publishing":
                    return ""
                case "connecting" | "recovering" | "failed" if change.code:
                    if change.code == AT_ONCE:
                        return ""
                    return change.code if change.code in REPRODUCED else INSTEAD
        return ""

    def drop_at(self, index: int) -> str:
        """How a stream that was live ends with that change; empty: it was not."""
        change = self.changes[index]
        before = self.changes[index - 1].state if index else ""
        if before != "publishing" or change.state not in ("recovering", "failed"):
            return ""
        if change.code == AT_ONCE:
            return "server-closed"
        return change.code if change.code in DROPPED else "connection-lost"

    def strange(self) -> set[str]:
        """Codes in it that cannot be brought about here."""
        codes = {change.code for change in self.changes if change.state != "publishing"}
        return codes - REPRODUCED - {""}


def plans(log: Log) -> dict[Leg, Plan]:
    found: dict[Leg, Plan] = {}
    for entry in log.entries:
        for event in entry.events:
            match event:
                case CallRouted(participant=who, leg=leg, destination=url):
                    here = url.scheme == RECORD
                    found[who, leg] = Plan(url.scheme == "rtmps", here)
                case DestinationChanged(participant=who, leg=leg):
                    plan = found.get((who, leg), Plan())
                    changes = (*plan.changes, event)
                    found[who, leg] = msgspec.structs.replace(plan, changes=changes)
    return found


def locations(log: Log) -> set[str]:
    """Where calls were dialled from."""
    routed = (e for entry in log.entries for e in entry.events if isinstance(e, CallRouted))
    return {event.location for event in routed if event.location}
