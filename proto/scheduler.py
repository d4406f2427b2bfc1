"""Which worker does what. Stream `SCHEDULER`, subject `scheduler.events.<conference>`.

Workers follow this stream and carry out what names them; so an assignment survives both the
scheduler and the connection it was told over.
"""

from typing import Annotated, Literal

import msgspec

from proto.base import Command, Event, Message, Reason, Refused, Text, Token
from proto.media import Content, FeedSpec, Rendition
from proto.urls import SealedUrl

WorkerKind = Literal["mixer", "egress"]


class Refusal(msgspec.Struct, frozen=True):
    """One worker's no."""

    worker: Token
    reason: Reason
    code: Token = "other"
    "The same in a word."


class MixAssigned(Event, frozen=True, tag="mix_assigned.v1"):
    conference: Token
    instance: Token
    worker: Token
    place: Text = ""
    "The location that it is mixed in; empty: nobody said."
    home: Text = ""
    "Whose preferences say where it is to be mixed: where the first participant came in."
    misplaced: Reason = ""
    "Why it is not mixed where they say first; empty: it is, or they say nothing."


class MixRefused(Event, frozen=True, tag="mix_refused.v1"):
    """No mixer took the conference; the scheduler tries again when the workers change."""

    conference: Token
    instance: Token
    reason: Reason
    refusals: list[Refusal] = []
    code: Token = "other"
    "The reason in a word, to be counted by."


class MixReleased(Event, frozen=True, tag="mix_released.v1"):
    conference: Token
    instance: Token
    worker: Token


class SessionAssigned(Event, frozen=True, tag="session_assigned.v1"):
    """An egress session: one feed, one rendition, one encoder, any number of destinations."""

    conference: Token
    session: Token
    worker: Token
    feed: FeedSpec
    rendition: Rendition
    location: Text = ""
    "Where it is to run, or else in one of that location's overflow locations; empty: anywhere."
    node: Text = ""
    "The worker, or the host, that has to run it; empty: any."
    place: Text = ""
    "The location that it does run in; empty: nobody said."
    misplaced: Reason = ""
    "Why not in `location`, or on the mixer's host; empty: it is."


class SessionRefused(Event, frozen=True, tag="session_refused.v1"):
    conference: Token
    participant: Token
    "Whose call cannot be carried."
    reason: Reason
    refusals: list[Refusal] = []
    leg: Content = "single"
    code: Token = "other"
    "The reason in a word, to be counted by."


class SessionReleased(Event, frozen=True, tag="session_released.v1"):
    conference: Token
    session: Token
    worker: Token


class DestinationAssigned(Event, frozen=True, tag="destination_assigned.v1"):
    conference: Token
    session: Token
    worker: Token
    participant: Token
    destination: SealedUrl
    leg: Content = "single"
    "Which half of a dual stream; the session's feed has it for content."
    takes_over: Text = ""
    "The session that goes on with it until this one publishes; empty: this one alone has it."
    seen: bool = False
    "Viewers know it from another session: it is to be got back."


class DestinationReleased(Event, frozen=True, tag="destination_released.v1"):
    conference: Token
    session: Token
    worker: Token
    participant: Token
    leg: Content = "single"
    handed_on: bool = False
    "Another session goes on with it: nothing ends."


SchedulerEvent = (
    MixAssigned
    | MixRefused
    | MixReleased
    | SessionAssigned
    | SessionRefused
    | SessionReleased
    | DestinationAssigned
    | DestinationReleased
)
Stored = SchedulerEvent

_commit_decoder = msgspec.json.Decoder(list[Stored])


def decode_commit(data: bytes) -> list[SchedulerEvent]:
    return list(_commit_decoder.decode(data))


class MixWanted(Message, frozen=True, tag="mix_wanted.v1"):
    """Asked of every mixer at once."""

    conference: Token
    location: Text = ""


class SessionWanted(Message, frozen=True, tag="session_wanted.v1"):
    """Asked of every egress worker at once."""

    conference: Token
    feed: FeedSpec
    rendition: Rendition
    location: Text = ""
    host: str = ""
    "Where the mixer runs: a worker there takes the feed at no cost."
    node: Text = ""
    "The only worker, or host, that may take it; empty: any."
    recording: bool = False
    "One of its destinations is to be kept."
    lent: bool = False
    "Workers on other hosts can take the feed, too, at the price of a network."
    overflow: list[Text] = []
    "Locations that will do as well when nobody in `location` can, in their order."


class Offer(Message, frozen=True, tag="offer.v1"):
    worker: Token
    free: Annotated[int, msgspec.Meta(ge=0)]
    "How many more of these the worker can take."
    same_host: bool = False
    hardware: bool = False
    "The encoder it would use is a hardware one."
    leaving: bool = False
    "It is being drained, and offers itself for what perhaps nobody else can do."
    location: Text = ""
    "The worker's."


class Declined(Message, frozen=True, tag="declined.v1"):
    worker: Token
    reason: Reason
    code: Token = "other"
    "The reason as one of a few words, to be counted by."
    location: Text = ""
    "The worker's."
    same_host: bool = False
    "It is on the mixer's host."


class DrainWorker(Command, frozen=True, tag="drain_worker.v1"):
    """Asked of one worker: to take no new work, and to end when it has none."""

    worker: Token
    seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0
    "After which it ends all the same."


class Draining(Message, frozen=True, tag="draining.v1"):
    worker: Token
    used: int
    "What it still does."


Wanted = MixWanted | SessionWanted
Bid = Offer | Declined

_wanted_decoder: msgspec.json.Decoder[Wanted] = msgspec.json.Decoder(Wanted)
_drain_decoder = msgspec.json.Decoder(DrainWorker)
_draining_decoder: msgspec.json.Decoder[Draining | Refused] = msgspec.json.Decoder(
    Draining | Refused
)
_bid_decoder: msgspec.json.Decoder[Bid] = msgspec.json.Decoder(Bid)


def decode_wanted(data: bytes) -> Wanted:
    return _wanted_decoder.decode(data)


decode_drain = _drain_decoder.decode
decode_draining = _draining_decoder.decode


def decode_bid(data: bytes) -> Bid:
    return _bid_decoder.decode(data)
