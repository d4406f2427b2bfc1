"""What a caller is sent, and what is left out when their turn does not come."""

from fractions import Fraction
from typing import Any

import pytest
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet

from services.mixer.webrtc.tracks import WAITING, PacketTrack


def packet(n: int, *, key: bool = False) -> "Packet[Any]":
    made: Packet[Any] = Packet(bytes([n]))
    made.pts, made.time_base = n, Fraction(1, 30)
    made.is_keyframe = key
    return made


async def test_a_picture_begins_with_a_key_frame() -> None:
    track = PacketTrack("video")
    for n, key in enumerate([False, False, True, False]):
        track.give(packet(n, key=key))

    assert [(await track.recv()).pts for _ in range(2)] == [2, 3]


async def test_who_is_too_slow_is_given_a_new_beginning_instead_of_old_pictures() -> None:
    wishes: list[int] = []
    track = PacketTrack("video", lambda: wishes.append(1))
    for n in range(WAITING["video"] + 5):
        track.give(packet(n, key=n == 0))
    track.give(packet(99, key=True))

    assert wishes == [1]
    assert (await track.recv()).pts == 99


async def test_old_sound_is_thrown_away() -> None:
    track = PacketTrack("audio")
    for n in range(WAITING["audio"] + 1):
        track.give(packet(n))

    assert (await track.recv()).pts == WAITING["audio"]


async def test_a_stopped_track_ends_whoever_waits_for_it() -> None:
    track = PacketTrack("audio")
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()
