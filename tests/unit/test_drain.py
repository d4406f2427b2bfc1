"""A worker that is told to stop, and is still missed."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from kit.vault import Vault
from kit.work import drained
from proto.media import FeedSpec, Rendition
from proto.scheduler import Declined, Offer, SessionWanted
from proto.views import FeedOffer
from services.rtmp_egress.archive.archive import Archive
from services.rtmp_egress.config import Config
from services.rtmp_egress.shell import Worker

WANTED = SessionWanted("town-hall", FeedSpec("town-hall"), Rendition(), "", "pod-1")
FEED = FeedOffer("town-hall", "instance", "mixer-1", "pod-1", "/run/rostrum/feed")
PATIENCE = 5.0


def start(_: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    raise AssertionError("nothing is started in these tests")


async def write(*_: object) -> None:
    raise AssertionError("nothing is written in these tests")


def egress(drain_seconds: float) -> Worker:
    return Worker(
        "egress-1",
        Config(host="pod-1", drain_seconds=drain_seconds),
        ["libx264"],
        cast(Vault, None),
        cast(Archive, None),
        write,
        start,
        now=lambda: datetime.now(UTC),
        clock=lambda: 0.0,
    )


async def test_an_idle_worker_goes_at_once() -> None:
    async with asyncio.timeout(PATIENCE):
        await drained(egress(3600), 3600)


async def test_a_worker_stays_while_a_conference_is_mixed_beside_it() -> None:
    worker = egress(3600)
    worker.feed("town-hall", FEED)

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        waiting = group.create_task(drained(worker, 3600))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        worker.feed("town-hall", None)


async def test_a_worker_that_is_missed_for_too_long_goes_all_the_same() -> None:
    worker = egress(3600)
    worker.feed("town-hall", FEED)

    async with asyncio.timeout(PATIENCE):
        await drained(worker, 0.01)

    assert not worker.idle


@pytest.mark.parametrize(
    ("feed", "drain_seconds", "answer"),
    [
        pytest.param(FEED, 3600, Offer, id="only-it-can-take-the-feed"),
        pytest.param(None, 3600, Declined, id="a-new-conference"),
        pytest.param(FEED, 0, Declined, id="it-ends-at-once"),
    ],
)
async def test_being_drained_it_takes_what_nobody_else_could(
    feed: FeedOffer | None, drain_seconds: float, answer: type
) -> None:
    worker = egress(drain_seconds)
    worker.feed("town-hall", feed)
    worker.draining = True

    assert isinstance(await worker.bid(WANTED), answer)
