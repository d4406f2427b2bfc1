"""What those who take part may do themselves, by the client API. Pure."""

from typing import Literal

from proto.views import ConferenceView, ParticipantView

Deed = Literal[
    "run",  # dial, lock, layout, mute all, end
    "manage",  # mute, spotlight, role, admit, disconnect somebody
    "mute_oneself",
    "leave",
    "present",
]

NOT_ALLOWED = "This is for Hosts."
NO_PRESENTING = "Guests cannot present in this conference."
WAITING = "You have not been let in yet."


def objection(view: ConferenceView, who: ParticipantView, deed: Deed, whom: str = "") -> str | None:
    """Why somebody may not; None: they may. `whom` it is done to, if to somebody."""
    if deed == "leave" and whom == who.participant:
        return None
    if who.state == "waiting":
        return WAITING
    match deed:
        case "mute_oneself" if whom == who.participant:
            return None
        case "present":
            if whom != who.participant:
                return NOT_ALLOWED
            may = who.role == "chair" or view.guests_can_present
            return None if may else NO_PRESENTING
        case _:
            return None if who.role == "chair" else NOT_ALLOWED
