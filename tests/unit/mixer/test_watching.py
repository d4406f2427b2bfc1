"""One encoding for all who look on, and another one where it died."""

import asyncio
import socket
import time
from typing import Any, cast

import av
import numpy as np
import pytest

from kit.link import FeedReader, Seat
from proto.media import FeedSpec
from services.mixer.media.engine import PICTURES_ONLY
from services.mixer.webrtc import watching
from services.mixer.webrtc.tracks import PacketTrack
from services.mixer.webrtc.watching import Counts, Showing, Studio, Wanted, encoder

FEED = FeedSpec("c", "single", "", 640, 360, 30)
WANTED = Wanted(FEED, 400)


class Opened:
    """Feeds that begin and show nothing."""

    def __init__(self) -> None:
        self.feeds: list[FeedSpec] = []

    def __call__(self, spec: FeedSpec) -> Seat | str:
        self.feeds.append(spec)
        return "there is no room"


class Silent(Showing):
    def __init__(self, *_: object) -> None:
        self.tracks: set[PacketTrack] = set()
        self.ended = False

    def key_frame(self) -> None: ...
    def close(self) -> None: ...


class Found(Opened):
    def __call__(self, spec: FeedSpec) -> Seat | str:
        self.feeds.append(spec)
        return Seat(cast(Any, None), PICTURES_ONLY)


async def test_twelve_who_see_the_same_are_served_by_one_encoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "Showing", Silent)
    opened = Found()
    studio = Studio(opened, asyncio.get_running_loop())
    tracks = [PacketTrack("video") for _ in range(12)]
    for track in tracks:
        studio.watch(track, WANTED)
    assert (studio.encodings, len(opened.feeds)) == (1, 1)
    for track in tracks:
        studio.leave(track)
    assert studio.encodings == 0


async def test_what_could_not_be_had_is_asked_for_again() -> None:
    opened = Opened()
    studio = Studio(opened, asyncio.get_running_loop())
    studio.watch(PacketTrack("video"), WANTED)
    studio.tend()
    assert len(opened.feeds) == 2


async def test_an_encoding_that_dies_of_anything_says_that_it_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Taken:
        def add(self, sock: socket.socket) -> None:
            sock.close()

    def broken(sock: socket.socket, _: float) -> None:
        sock.close()
        raise RuntimeError

    monkeypatch.setattr(FeedReader, "welcomed", broken)
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    showing = Showing(WANTED, cast(Any, Taken()), asyncio.get_running_loop(), Counts())
    until = time.monotonic() + 5
    while not showing.ended and time.monotonic() < until:  # noqa: ASYNC110 - a thread's
        await asyncio.sleep(0.01)
    assert showing.ended


def test_pictures_come_out_at_once_and_each_key_frame_brings_its_parameters() -> None:
    context = encoder(WANTED)
    for n in range(10):
        canvas = np.full((540, 640), 16 + n, np.uint8)
        frame = av.VideoFrame.from_ndarray(canvas, format="yuv420p")
        frame.pts = n
        if n == 5:
            frame.pict_type = av.video.frame.PictureType.I
        (packet,) = context.encode(frame)
        units = {part[0] & 31 for part in bytes(packet).split(b"\0\0\1")[1:]}
        assert packet.is_keyframe == (n in {0, 5})
        assert ({7, 8, 5} <= units) == packet.is_keyframe
