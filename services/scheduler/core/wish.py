"""What a call needs: which feed is rendered for it, and how that is encoded.

Whatever makes no difference is left at its default, so that equal needs are equal: then a feed is
rendered once and a rendition encoded once, however many take it.
"""

from collections.abc import Iterable

import msgspec

from proto.conference import CallRequested, ConferenceEvent, ParticipantJoined
from proto.media import (
    Audience,
    Content,
    FeedSpec,
    FrameRate,
    PictureOptions,
    Quality,
    Rendition,
)
from proto.routing import CallRouted
from proto.scheduler import SessionWanted
from proto.urls import RECORD
from proto.views import ConferenceView
from services.scheduler.core.work import Work

SIZES: dict[Quality, tuple[int, int]] = {
    "sd": (848, 480),
    "hd": (1280, 720),
    "fullhd": (1920, 1080),
}

RATES: dict[Quality, int] = {"sd": 1500, "hd": 3000, "fullhd": 4500}
"""kbit/s; what the large services recommend for 25 and 30 pictures a second."""

FAST = 40
"""Pictures a second above which a stream counts as fast."""

FAST_SHARE = 1.5
"""Of the usual rate, for 50 and 60 pictures a second: neighbours are more alike than at half as
many, so twice the rate would be wasted. It is what the services recommend, too."""

LEAST_VIDEO = 100
"""kbit/s of picture that are left whatever the limit: less shows nothing."""


def video_kbps(quality: Quality, frame_rate: int) -> int:
    """What a picture of that size and rate is given, if nothing limits it."""
    return round(RATES[quality] * (FAST_SHARE if frame_rate > FAST else 1))


def wish(
    call: CallRouted,
    quality: Quality,
    like: Rendition,
    callrate: int | None = None,
    audience: Audience = "all",
    streaming: bool = True,
    frame_rate: FrameRate = 30,
) -> SessionWanted:
    """The session that a call, or one leg of it, needs; `callrate` is all it may send, kbit/s."""
    wanted = call.picture
    for cap in (call.quality, wanted.max_pixels_per_second):
        if cap is not None:
            quality = min(quality, cap, key=lambda q: SIZES[q])
    fps = wanted.frame_rate or frame_rate
    kbps = video_kbps(quality, fps)
    if wanted.max_video_kbps is not None:
        kbps = min(kbps, wanted.max_video_kbps)
    for limit in (callrate, call.max_callrate_out):
        if limit is not None:
            kbps = min(kbps, max(limit - like.audio_kbps, LEAST_VIDEO))
    width, height = SIZES[quality]
    content: Content = wanted.content if call.leg == "single" else call.leg
    feed = FeedSpec(
        call.conference,
        content,
        _layout(wanted, content),
        width,
        height,
        fps,
        audience,
        inset=wanted.inset or content != "single",
        streaming=streaming,
    )
    return SessionWanted(
        call.conference,
        feed,
        msgspec.structs.replace(like, video_kbps=kbps),
        call.location,
        node=call.node,
        recording=call.destination.scheme == RECORD,
    )


def _layout(wanted: PictureOptions, content: Content) -> str:
    return "" if content == "presentation" else wanted.layout


def audience_of(view: ConferenceView | None, participant: str) -> Audience:
    """A Guest of a Virtual Auditorium is sent what Guests see."""
    called = view.find(participant) if view else None
    if view is None or called is None or view.service_type != "lecture":
        return "all"
    return "guests" if called.role == "guest" else "all"


def is_streaming(view: ConferenceView | None, participant: str) -> bool:
    """Whether it is sent what streaming participants see; a call of which nothing is known, is."""
    called = view.find(participant) if view else None
    return called is None or called.is_streaming


def home_of(commit: Iterable[ConferenceEvent]) -> str:
    """Where the first came in of whom that commit tells; else where the first is called from."""
    events = list(commit)
    came = (one.location for one in events if isinstance(one, ParticipantJoined) and one.location)
    called = (one.location for one in events if isinstance(one, CallRequested) and one.location)
    return next(came, "") or next(called, "")


def home_now(view: ConferenceView | None, work: Work, instance: str) -> str:
    """The same of an instance that runs: what it was mixed by stays, whoever has left."""
    if work.home and work.instance == instance:
        return work.home
    people = view.participants if view and view.instance == instance else []
    called = work.sessions.values() if work.instance in ("", instance) else ()
    came = (one.location for one in people if one.location)
    return next(came, "") or next((one.location for one in called if one.location), "")
