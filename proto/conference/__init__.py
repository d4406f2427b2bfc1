"""One conference: its commands and its events.

Stream `CONFERENCE`, subject `conference.events.<conference>`. One stored message is one
*commit*: the JSON array of the events that one command caused, so a commit is atomic.

`conference` is the key of a configured conference (VMR); it may be used again and again, and
each time it runs is an *instance* with an id of its own.

To change an event:
  * add a field with a default: no new version;
  * anything else: rename the old class `...V1`, add the new one under the next tag, extend
    `upcast`, keep the old golden file. Old classes live as long as the stream does.
"""

import msgspec

from proto.conference.commands import (
    Admit,
    CallGateway,
    ConferenceCommand,
    Dial,
    EndConference,
    Join,
    Leave,
    Lock,
    MuteGuests,
    MuteParticipant,
    ReportOutside,
    SetRole,
    SetSpotlight,
    SettleTransfer,
    StartPresenting,
    StopPresenting,
    Tick,
    Transfer,
    TransformLayout,
)
from proto.conference.events import (
    AnnouncementRequested,
    AutomaticCallRefused,
    CallConnected,
    CallEnded,
    CallLegChanged,
    CallProgressed,
    CallRequested,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceLocked,
    ConferenceStarted,
    GuestsMuted,
    LayoutTransformed,
    OutsideReported,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantMuted,
    PresentationStarted,
    PresentationStopped,
    RoleChanged,
    SpotlightChanged,
    Stored,
    ThemesChosen,
    TransferRefused,
    TransferRequested,
    upcast,
)
from proto.conference.words import (
    CALLERS,
    Announcement,
    CallStep,
    CallType,
    GuestsSeeGuests,
    IncomingProtocol,
    IncomingRoute,
    KeepAlive,
    LegState,
    Origin,
    OutsideKind,
    Platform,
    Protocol,
    Quality,
    Role,
    Routing,
    ServiceType,
    StreamingTransforms,
    ThemeRef,
    Transforms,
)

__all__ = [
    "CALLERS",
    "Admit",
    "Announcement",
    "AnnouncementRequested",
    "AutomaticCallRefused",
    "CallConnected",
    "CallEnded",
    "CallGateway",
    "CallLegChanged",
    "CallProgressed",
    "CallRequested",
    "CallStep",
    "CallType",
    "ConferenceCommand",
    "ConferenceEnded",
    "ConferenceEvent",
    "ConferenceLocked",
    "ConferenceStarted",
    "Dial",
    "EndConference",
    "GuestsMuted",
    "GuestsSeeGuests",
    "IncomingProtocol",
    "IncomingRoute",
    "Join",
    "KeepAlive",
    "LayoutTransformed",
    "Leave",
    "LegState",
    "Lock",
    "MuteGuests",
    "MuteParticipant",
    "Origin",
    "OutsideKind",
    "OutsideReported",
    "ParticipantAdmitted",
    "ParticipantJoined",
    "ParticipantLeft",
    "ParticipantMuted",
    "Platform",
    "PresentationStarted",
    "PresentationStopped",
    "Protocol",
    "Quality",
    "ReportOutside",
    "Role",
    "RoleChanged",
    "Routing",
    "ServiceType",
    "SetRole",
    "SetSpotlight",
    "SettleTransfer",
    "SpotlightChanged",
    "StartPresenting",
    "StopPresenting",
    "Stored",
    "StreamingTransforms",
    "ThemeRef",
    "ThemesChosen",
    "Tick",
    "Transfer",
    "TransferRefused",
    "TransferRequested",
    "TransformLayout",
    "Transforms",
    "decode_command",
    "decode_commit",
]

_commit_decoder = msgspec.json.Decoder(list[Stored])
_command_decoder: msgspec.json.Decoder[ConferenceCommand] = msgspec.json.Decoder(ConferenceCommand)


def decode_commit(data: bytes) -> list[ConferenceEvent]:
    return [upcast(event) for event in _commit_decoder.decode(data)]


def decode_command(data: bytes) -> ConferenceCommand:
    return _command_decoder.decode(data)
