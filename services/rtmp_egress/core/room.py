"""What a session costs its worker, in millions of pixels per second; pure."""

from collections.abc import Collection

from proto.media import FeedSpec
from proto.urls import Codec

SOFTWARE = "libx264"

USUAL = 1280 * 720 * 30 / 1e6
"""Millions of pixels per second: of the session that the heartbeat's capacity is counted in."""

PRIOR = 0.007
"""Cores per million pixels per second: 0.43 for 1920x1080 at 30 in `bench-fanout`."""

HARDWARE = 0.2
"""Of the CPU that encoding in software takes, what is left if an engine does it: taking the feed,
uploading, muxing, pushing."""

CODECS: dict[Codec, float] = {"hevc": 5.1, "av1": 1.8}
"""Times what H.264 takes, in software: x265 and SVT-AV1 as this system sets them up, measured."""


def size(feed: FeedSpec, codecs: Collection[Codec], *, hardware: bool) -> float:
    """What encoding it as these is like, in millions of pixels per second by libx264."""
    pixels = feed.width * feed.height * feed.fps / 1e6
    if hardware:
        return pixels * HARDWARE * len(codecs)
    return pixels * sum(CODECS.get(codec, 1.0) for codec in codecs)
