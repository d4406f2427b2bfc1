"""What may have been asked of a conference so that it decided as it did.

A log has decisions and not what led to them; most of them can have come of one command only. What
other services said and what timers did leads to decisions as well: nothing is asked there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from proto.conference import (
    Admit,
    CallEnded,
    CallGateway,
    CallRequested,
    ConferenceCommand,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceLocked,
    ConferenceStarted,
    Dial,
    EndConference,
    GuestsMuted,
    Join,
    LayoutTransformed,
    Leave,
    Lock,
    MuteGuests,
    MuteParticipant,
    OutsideReported,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantMuted,
    PresentationStarted,
    PresentationStopped,
    ReportOutside,
    RoleChanged,
    SetRole,
    SetSpotlight,
    SettleTransfer,
    SpotlightChanged,
    StartPresenting,
    StopPresenting,
    Transfer,
    TransferRefused,
    TransferRequested,
    TransformLayout,
)

HUNG_UP = "disconnected"
"""Why a call ends that somebody ended."""

LAST_LEFT = "No participants can keep conference alive"
HOSTS_LEFT = "All conference hosts departed hosted conference"
WAITED_TOO_LONG = (
    "Timeout waiting for conference host to join or permit access to locked conference"
)
ALONE = "Last remaining participant removed from conference after timeout"
BY_TIMERS = frozenset({LAST_LEFT, HOSTS_LEFT, WAITED_TOO_LONG, ALONE})
"""Why people are let go when nobody asked for it: Pexip's own words."""

NO_TRANSFERS: Mapping[str, str] = {}


def moment(commit: Sequence[ConferenceEvent]) -> datetime:
    """When it was decided."""
    return commit[0].at


def causes(
    conference: str,
    commit: Sequence[ConferenceEvent],
    transfers: Mapping[str, str] = NO_TRANSFERS,
) -> list[ConferenceCommand]:
    """The commands that can have led to it, the likeliest first; none: no command did.

    `transfers` are those that were asked for before: who is to go, and who they will be there.
    """
    started = next((e for e in commit if isinstance(e, ConferenceStarted)), None)
    joined = next((e for e in commit if isinstance(e, ParticipantJoined)), None)
    called = next((e for e in commit if isinstance(e, CallRequested)), None)
    instance = started.instance if started else "unused"
    if joined is not None and called is not None and called.incoming is not None:
        return [_gateway(conference, commit, joined, called, started)]
    if joined is not None:
        return [_join(conference, commit, joined, instance)]
    if called is not None and not called.automatic:
        return [_dial(conference, called, instance)]
    return _asked(conference, commit, transfers)


def _asked(
    conference: str, commit: Sequence[ConferenceEvent], transfers: Mapping[str, str]
) -> list[ConferenceCommand]:
    transferred = next((e for e in commit if isinstance(e, ParticipantLeft)), None)
    over = next((e for e in commit if isinstance(e, ConferenceEnded)), None)
    ended = None if over is None or over.reason in BY_TIMERS else over
    first = commit[0]
    floor = [e for e in commit if isinstance(e, PresentationStarted)]
    match first:
        case PresentationStopped() | PresentationStarted() if floor:
            return [StartPresenting(conference, floor[0].participant)]
        case PresentationStopped(participant=who) if len(commit) == 1:
            return [StopPresenting(conference, who)]
        case PresentationStopped() | ParticipantLeft() if transferred is not None:
            who, reason = transferred.participant, transferred.reason
            if reason in BY_TIMERS:
                return []
            successor = transfers.get(who)
            settled = [SettleTransfer(conference, who, successor)] if successor else []
            end = [EndConference(conference, ended.reason)] if ended else []
            whole = ended is not None and ended.reason == reason
            if whole and not isinstance(first, PresentationStopped):
                return [*end, *settled, Leave(conference, who, reason)]
            return [*settled, Leave(conference, who, reason), *end]
        case CallEnded(participant=who, code=code, reason=reason):
            left = [Leave(conference, who, reason)] if code == HUNG_UP else []
            return [*left, *([EndConference(conference, ended.reason)] if ended else [])]
        case ConferenceEnded(reason=reason):
            return [EndConference(conference, reason)] if ended else []
        case ConferenceLocked(on=on):
            return [Lock(conference, on)]
        case ParticipantAdmitted(participant=who):
            return [Admit(conference, who)]
        case RoleChanged(participant=who, role=role):
            return [SetRole(conference, who, role)]
        case ParticipantMuted(participant=who, on=on):
            return [MuteParticipant(conference, who, on)]
        case SpotlightChanged(participant=who, on=on):
            return [SetSpotlight(conference, who, on)]
        case GuestsMuted(on=on):
            return [MuteGuests(conference, on)]
        case LayoutTransformed(transforms=transforms):
            return [TransformLayout(conference, transforms)]
        case OutsideReported():
            kind, platform = first.kind, first.platform
            return [ReportOutside(conference, kind, platform, first.on, first.public)]
        case TransferRequested(participant=who):
            there, then = first.target, first.successor
            return [Transfer(conference, who, there, then, first.instance, first.role)]
        case TransferRefused(participant=who):
            return [SettleTransfer(conference, who, first.successor, first.code, first.reason)]
    return []


def _presents(commit: Sequence[ConferenceEvent], who: str) -> bool:
    return any(isinstance(e, PresentationStarted) and e.participant == who for e in commit)


def _join(
    conference: str, commit: Sequence[ConferenceEvent], joined: ParticipantJoined, instance: str
) -> Join:
    return Join(
        conference,
        joined.participant,
        joined.display_name,
        instance,
        joined.role,
        joined.media,
        joined.presentation,
        _presents(commit, joined.participant),
        protocol=joined.protocol,
        called=joined.called,
        location=joined.location,
        origin=joined.origin,
    )


def _dial(conference: str, called: CallRequested, instance: str) -> Dial:
    return Dial(
        conference,
        called.participant,
        called.destination,
        instance,
        called.display_name,
        called.protocol,
        called.routing,
        called.location,
        called.role,
        called.streaming,
        called.keep_conference_alive,
        called.presentation_destination,
        called.picture,
        called.node,
    )


def _gateway(
    conference: str,
    commit: Sequence[ConferenceEvent],
    joined: ParticipantJoined,
    called: CallRequested,
    started: ConferenceStarted | None,
) -> CallGateway:
    assert called.incoming is not None
    return CallGateway(
        conference,
        joined.participant,
        joined.display_name,
        started.instance if started else "unused",
        called.participant,
        called.destination,
        called.incoming,
        joined.called,
        joined.protocol or "webrtc",
        joined.location,
        joined.media,
        joined.presentation,
        _presents(commit, joined.participant),
        started.platform if started else "",
    )
