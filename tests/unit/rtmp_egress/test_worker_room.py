"""What newer codecs cost a worker's room."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from kit.capacity import Capacity
from kit.cost import Budget
from proto.media import FeedSpec, Rendition
from proto.scheduler import (
    Declined,
    DestinationAssigned,
    DestinationReleased,
    Offer,
    SessionAssigned,
    SessionWanted,
)
from proto.urls import Codec, Delivery, SealedUrl
from services.rtmp_egress import running
from services.rtmp_egress.config import Config
from services.rtmp_egress.core.room import CODECS, PRIOR, USUAL
from services.rtmp_egress.shell import Worker
from services.rtmp_egress.wire import AddDestination

NOW = datetime(2026, 11, 26, tzinfo=UTC)
FEED = FeedSpec("hall-1")


class Process:
    pid = None

    def __init__(self, *_: Any, **__: Any) -> None:
        self.sent: list[Any] = []

    def send(self, order: Any) -> None:
        self.sent.append(order)

    async def run(self) -> None:
        pass


class Vault:
    async def sealed(self, url: SealedUrl) -> str:
        return "sealed"

    def mark(self, conference: str) -> str:
        return conference


async def write(*_: Any) -> None:
    pass


def start(running: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    running.close()
    return asyncio.get_running_loop().create_future()  # type: ignore[return-value]  # never ends


USUALLY = PRIOR * USUAL
"""Cores that a session of the usual size costs."""


class Stage:
    def __init__(self, room: float, encoders: list[str]) -> None:
        """`room`: usual sessions that there are cores for."""
        make: Any = Worker
        budget = Budget(room * USUALLY, PRIOR, USUAL, 64)
        capacity = Capacity(budget, clock=lambda: 0.0, cpu_seconds=lambda _: None)
        self.worker: Worker = make(
            "egress-1",
            Config(host="h"),
            encoders,
            Vault(),
            None,
            capacity,
            write,
            start,
            now=lambda: NOW,
            clock=float,
        )

    async def session(self, ident: str) -> None:
        told = SessionAssigned(NOW, "hall-1", ident, "egress-1", FEED, Rendition())
        await self.worker.carry_out(told)

    async def destination(self, session: str, who: str, codec: Codec) -> AddDestination:
        url = SealedUrl(
            f"{who}.destination", "rtmp://h/***", "rtmp", delivery=Delivery(codec=codec)
        )
        told = DestinationAssigned(NOW, "hall-1", session, "egress-1", who, url)
        await self.worker.carry_out(told)
        process: Any = self.worker._sessions[session][0]._kept
        order = process.sent[-1]
        assert isinstance(order, AddDestination)
        return order

    @property
    def used(self) -> float:
        """In usual sessions."""
        return self.worker.view().load / USUALLY


def about(times: float) -> Any:
    return pytest.approx(times, abs=0.01)


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Kept", Process)


async def test_a_codec_takes_room_once_for_a_session_and_gives_it_back() -> None:
    stage = Stage(8, ["libx264"])
    await stage.session("s1")
    await stage.destination("s1", "plain", "h264")
    assert stage.used == about(1)
    for who in ("one", "two"):
        assert (await stage.destination("s1", who, "hevc")).no_codec == ""
        assert stage.used == about(1 + CODECS["hevc"])
    for who in ("one", "two"):
        await stage.worker.carry_out(DestinationReleased(NOW, "hall-1", "s1", "egress-1", who))
    assert stage.used == about(1)


async def test_where_there_is_no_room_h264_is_sent_and_told_why() -> None:
    stage = Stage(4, ["libx264"])
    await stage.session("s1")
    refused = await stage.destination("s1", "one", "hevc")
    taken = await stage.destination("s1", "two", "av1")

    assert refused.no_codec == "has 0.58 of 0.77 cores left, and this takes 0.99"
    assert (taken.no_codec, stage.used) == ("", about(1 + CODECS["av1"]))


async def test_what_codecs_take_is_not_offered_to_others() -> None:
    wanted = SessionWanted("other", FeedSpec("other"), Rendition(), "", "h")
    stage = Stage(4, ["libx264"])
    await stage.session("s1")
    await stage.destination("s1", "one", "av1")
    offer = await stage.worker.bid(wanted)
    assert isinstance(offer, Offer)
    assert offer.free == 1
    await stage.session("s2")

    assert isinstance(await stage.worker.bid(wanted), Declined)


async def test_hardware_encoders_cost_no_more_than_a_session() -> None:
    stage = Stage(4, ["h264_nvenc", "libx264"])
    await stage.session("s1")
    alone = stage.used

    assert (await stage.destination("s1", "one", "hevc")).no_codec == ""
    assert stage.used == about(2 * alone)
