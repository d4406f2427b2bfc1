"""Moving somebody to another conference: asked for here, decided there, and then let go here."""

from datetime import datetime

from proto.base import Refused
from proto.conference import SettleTransfer, Transfer, TransferRefused, TransferRequested
from proto.views import ConferenceView
from services.conference_state.core.life import leave
from services.conference_state.core.roles import UNKNOWN, Outcome, role_by_pin
from services.conference_state.core.vmr import Vmr

TRANSFERRED = "Transferred to another conference"


def request(state: ConferenceView, command: Transfer, at: datetime, there: Vmr | None) -> Outcome:
    """Their role there is settled now, so that no PIN has to be kept; all else is up to there."""
    person = state.find(command.participant)
    if person is None:
        return UNKNOWN
    if person.destination is not None:
        return Refused("invalid", "only people can be transferred, not calls", "participant")
    if there is None:
        return Refused("unknown", "no such conference is configured", "target")
    if command.target == state.conference:
        return Refused("invalid", "the participant is in that conference already", "target")
    if person.transfer is not None and person.transfer.pending():
        if person.transfer.successor == command.successor:
            return []
        return Refused("invalid", "the participant is being transferred already", "participant")
    role = command.role if command.pin is None else role_by_pin(there, command.pin)
    if isinstance(role, Refused):
        return role
    who, target, successor = command.participant, command.target, command.successor
    return [TransferRequested(at, who, target, successor, command.instance, role)]


def settle(state: ConferenceView, command: SettleTransfer, at: datetime) -> Outcome:
    """What the other conference said. Of two that say different things the first is right."""
    person = state.find(command.participant)
    if person is None:
        return []
    asked = person.transfer
    valid = asked is not None and asked.pending() and asked.successor == command.successor
    if command.code:
        refused = TransferRefused(
            at, command.participant, command.successor, command.code, command.reason
        )
        return [refused] if valid else []
    if not valid:
        return Refused("invalid", "the transfer has been given up", "participant")
    return leave(state, command.participant, TRANSFERRED, at)
