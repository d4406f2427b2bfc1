"""What is rendered and what is encoded."""

from typing import Annotated, Literal, Protocol

import msgspec

from proto.base import Token
from proto.layouts import AnyName, ClientName, client_name

Content = Literal["single", "main", "presentation"]
"""`single`: main and presentation switched automatically; `main`: never the presentation;
`presentation`: only it."""

Audience = Literal["all", "guests"]
"""Who a feed is for: `guests` sees what a Guest of a Virtual Auditorium sees."""

Quality = Literal["sd", "hd", "fullhd"]
"""848x480, 1280x720 or 1920x1080; as a conference's, what its calls have at most."""

FrameRate = Literal[25, 30, 50, 60]
"""Pictures a second."""

VideoRate = Annotated[int, msgspec.Meta(ge=100, le=50_000)]
"""kbit/s of picture alone."""

Even = Annotated[int, msgspec.Meta(ge=16, le=4096, multiple_of=2)]


FEEDS_LIMIT = 8
"""Distinct feeds of one conference: each may cost a fifth of a core and 60 MB."""


class FeedSpec(msgspec.Struct, frozen=True):
    """One rendering of a conference; equal specs are rendered once, however many take them."""

    conference: Token
    content: Content = "single"
    layout: str = ""
    "Client API name, e.g. `1:7`; empty: what the conference's view says."
    width: Even = 1280
    height: Even = 720
    fps: Annotated[int, msgspec.Meta(ge=1, le=60)] = 30
    audience: Audience = "all"
    inset: bool = True
    "False: a single stream whose presentation is shown without the speaker's small window."
    streaming: bool = False
    "It is for a streaming participant, and shows what `transform_layout.streaming` says."
    listener: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    "The participant who takes it, whose own voice is left out of the sound; empty: nobody's is."


class PictureOptions(msgspec.Struct, frozen=True):
    """What one call is to be sent; what is left out is as the conference has it."""

    content: Content = "single"
    "Of a call with one stream; a dual stream has both of the others."
    inset: bool = True
    "Show the speaker's small window over a presentation."
    layout: ClientName | Literal[""] = ""
    max_pixels_per_second: Quality | None = None
    "No more than this, nor than the conference and the call routing rule allow."
    frame_rate: FrameRate | None = None
    max_video_kbps: VideoRate | None = None


class FlatOptions(Protocol):
    """Whatever has these among its fields: requests and configured resources."""

    @property
    def content(self) -> Content: ...
    @property
    def inset(self) -> bool: ...
    @property
    def layout(self) -> AnyName | None: ...
    @property
    def max_pixels_per_second(self) -> Quality | None: ...
    @property
    def frame_rate(self) -> FrameRate | None: ...
    @property
    def max_video_kbps(self) -> int | None: ...


def picture_options(given: FlatOptions) -> PictureOptions:
    return PictureOptions(
        given.content,
        given.inset,
        (given.layout and client_name(given.layout)) or "",
        given.max_pixels_per_second,
        given.frame_rate,
        given.max_video_kbps,
    )


def picture_problem(options: PictureOptions, *, dual: bool) -> tuple[str, str] | None:
    """The field that is at odds with the others, and why."""
    if dual and options.content != "single":
        return "content", "a dual stream has main and presentation, and no choice"
    if options.layout and options.content == "presentation":
        return "layout", "a presentation alone has no layout"
    return None


class Rendition(msgspec.Struct, frozen=True):
    """One encoding of a feed."""

    video_kbps: VideoRate = 3000
    audio_kbps: Annotated[int, msgspec.Meta(ge=32, le=320)] = 128
    gop_seconds: Annotated[int, msgspec.Meta(ge=1, le=10)] = 2
    quality: Literal["default", "quality", "low_latency"] = "default"
    "Speed of the software encoder; see docs/architecture.md."
    encoder: str = "auto"
    "`auto` or one of the names that `rostrum doctor` prints."
