"""Who may do what by the client API: one table. Pure."""

from typing import Literal

from proto.views import ConferenceView, ParticipantView

OfParticipant = Literal[
    "disconnect",
    "mute",
    "unmute",
    "spotlighton",
    "spotlightoff",
    "unlock",
    "role",
    "transfer",
    "take_floor",
    "release_floor",
    "calls",
]

OWN: frozenset[OfParticipant] = frozenset({"disconnect", "take_floor", "release_floor", "calls"})
"""What everybody may do about themselves, if nothing below forbids it. A Guest's browser mutes its
own microphone; whom a Host has muted, a Host unmutes."""

NOT_FOR_OTHERS: frozenset[OfParticipant] = frozenset({"calls"})
"""What nobody may do about another, Host or not."""

WHILE_WAITING: frozenset[OfParticipant] = frozenset({"disconnect"})


def may_run(who: ParticipantView) -> bool:
    """Whether somebody may do what is for Hosts alone: dial, lock, lay out, mute all, end it."""
    return who.role == "chair" and who.state != "waiting"


def may(view: ConferenceView, who: ParticipantView, what: OfParticipant, whom: str) -> bool:
    """Whether `who` may do this about `whom`, who may be they themselves."""
    own = who.participant == whom
    if who.state == "waiting":
        return own and what in WHILE_WAITING
    if not own and what in NOT_FOR_OTHERS:
        return False
    if who.role == "chair":
        return True
    if not own or what not in OWN:
        return False
    return what != "take_floor" or view.guests_can_present
