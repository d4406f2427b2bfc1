"""Who may do what by the client API: one table. Pure."""

from typing import Literal, get_args

from proto.views import ConferenceView, ParticipantView

OfConference = Literal[
    "dial",
    "lock",
    "unlock",
    "start_conference",
    "muteguests",
    "unmuteguests",
    "disconnect",
    "transform_layout",
    "set_guests_can_unmute",
    "clearallbuzz",
]
"""For Hosts only."""

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

OF_CONFERENCE: frozenset[str] = frozenset(get_args(OfConference))
OF_PARTICIPANT: frozenset[str] = frozenset(get_args(OfParticipant))

OWN: frozenset[OfParticipant] = frozenset(
    {"disconnect", "mute", "unmute", "take_floor", "release_floor", "calls"}
)
"""What everybody may do about themselves, if nothing below forbids it."""

NOT_FOR_OTHERS: frozenset[OfParticipant] = frozenset({"calls"})
"""What nobody may do about another, Host or not."""

WHILE_WAITING: frozenset[OfParticipant] = frozenset({"disconnect"})


def may_run(who: ParticipantView) -> bool:
    """Whether somebody may do any of `OfConference`."""
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
    if what == "take_floor":
        return view.guests_can_present
    # Whoever was muted with all Guests is not heard again before these are.
    return what != "unmute" or not view.guests_muted
