"""A meeting outside is recorded: who takes part hears of it once, whatever dies meanwhile."""

import asyncio
import os
import signal
import time
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from nats.aio.client import Client

from bench.common import processes
from kit.kv import Bucket
from kit.link import FeedReader, Picture
from proto import subjects
from proto.conference import Announcement
from proto.media import FeedSpec
from proto.views import FeedOffer, decode_feed
from services.mixer.media.prompts import samples
from services.mixer.theme import default
from tests.support.mixed import ONE, mixed
from tests.support.watch import fits

pytestmark = pytest.mark.nats

SAID = 4.0
"""Seconds in which a prompt has been said, whatever else the machine does."""


async def offer(nc: Client, after: str = "") -> FeedOffer:
    """Where feeds are, once they are not where they were."""
    feeds = await Bucket.ensure(nc.jetstream(), subjects.FEEDS)
    async with asyncio.timeout(20):
        async for _, value, _ in feeds.watch().entries():
            if value and decode_feed(value).socket != after:
                return decode_feed(value)
    raise AssertionError


def listen(at: FeedOffer, listener: str, seconds: float) -> npt.NDArray[np.float32]:
    spec = FeedSpec(at.conference, width=64, height=36, listener=listener)
    reader = FeedReader.connect(at.socket, msgspec.json.encode(spec), 10)
    parts, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        packet = reader.read(1.0)
        if isinstance(packet, Picture):
            packet.release()
        elif packet is not None:
            parts.append(packet.block.mean(axis=1) / 32768)
    reader.close()
    return np.concatenate(parts).astype(np.float32)


def said(sound: npt.NDArray[np.float32], announcement: Announcement) -> bool:
    recording = default().recording("google_meet", announcement)
    assert recording is not None
    return fits(sound, samples(recording)[::2]) > 0.8


async def test_it_is_heard_once_and_not_again_when_the_process_is_started_again(
    nc: Client, nats_url: str, tmp_path: Path
) -> None:
    pids: list[int] = []
    async with mixed(nc, nats_url, tmp_path, pids) as http:
        at = await offer(nc)
        hearing = asyncio.create_task(asyncio.to_thread(listen, at, "ann", SAID))
        streamed = asyncio.create_task(asyncio.to_thread(listen, at, "", SAID))
        await asyncio.sleep(0.3)
        told = {"kind": "recording", "platform": "google_meet"}
        assert (await http.post(f"{ONE}/outside/", json=told)).status_code == 204
        heard, in_stream = await hearing, await streamed

        [child] = [process.pid for process in processes() if process.parent == pids[0]]
        os.kill(child, signal.SIGKILL)
        again = await asyncio.to_thread(listen, await offer(nc, at.socket), "ann", SAID)

    assert said(heard, "recording_started")
    assert not said(in_stream, "recording_started")
    assert not said(again, "recording_started")
