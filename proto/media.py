"""What is rendered and what is encoded."""

from typing import Annotated, Literal

import msgspec

from proto.base import Token

Content = Literal["single", "main", "presentation"]
"""`single`: main and presentation switched automatically; `main`: never the presentation;
`presentation`: only it."""

Audience = Literal["all", "guests"]
"""Who a feed is for: `guests` sees what a Guest of a Virtual Auditorium sees."""

Even = Annotated[int, msgspec.Meta(ge=16, le=4096, multiple_of=2)]


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


class Rendition(msgspec.Struct, frozen=True):
    """One encoding of a feed."""

    video_kbps: Annotated[int, msgspec.Meta(ge=100, le=50_000)] = 3000
    audio_kbps: Annotated[int, msgspec.Meta(ge=32, le=320)] = 128
    gop_seconds: Annotated[int, msgspec.Meta(ge=1, le=10)] = 2
    quality: Literal["default", "quality", "low_latency"] = "default"
    "Speed of the software encoder; see docs/architecture.md."
    encoder: str = "auto"
    "`auto` or one of the names that `rostrum doctor` prints."
