"""A worker that is told to stop, and is still missed."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from msgspec.structs import replace

from kit.capacity import Capacity
from kit.cost import Budget
from kit.vault import Vault
from kit.work import emptied
from proto.media import FeedSpec, Rendition
from proto.scheduler import Declined, Offer, SessionWanted
from proto.views import FeedOffer, LentFeeds, WorkerView
from services.rtmp_egress.archive.archive import Archive
from services.rtmp_egress.config import Config
from services.rtmp_egress.core.room import PRIOR, USUAL
from services.rtmp_egress.shell import Worker

WANTED = SessionWanted("town-hall", FeedSpec("town-hall"), Rendition(), "", "pod-1")
FEED = FeedOffer("town-hall", "instance", "mixer-1", "pod-1", "/run/rostrum/feed")
LENT = LentFeeds("pod-1", 7100, "0" * 64)
PATIENCE = 5.0


def start(_: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    raise AssertionError("nothing is started in these tests")


async def write(*_: object) -> None:
    raise AssertionError("nothing is written in these tests")


def egress() -> Worker:
    return Worker(
        "egress-1",
        Config(host="pod-1"),
        ["libx264"],
        cast(Vault, None),
        cast(Archive, None),
        Capacity(Budget(1.4, PRIOR, USUAL, 8), clock=lambda: 0.0, cpu_seconds=lambda _: None),
        write,
        start,
        now=lambda: datetime.now(UTC),
        clock=lambda: 0.0,
    )


def beside(worker: str, host: str = "pod-1", *, draining: bool = False) -> WorkerView:
    return WorkerView(worker, "egress", "default", host, 8, 0, draining)


async def gone(
    worker: Worker, *others: WorkerView, patience: float = 3600, hurried: bool = False
) -> bool:
    """Whether it goes in a moment."""
    hurry = asyncio.Event()
    if hurried:
        hurry.set()

    async def there() -> list[WorkerView]:
        return list(others)

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        going = group.create_task(emptied(worker, there, hurry, patience))
        done, _ = await asyncio.wait([going], timeout=0.1)
        going.cancel()
    return bool(done)


def beside_a_mix() -> Worker:
    worker = egress()
    worker.feed("town-hall", FEED)
    return worker


async def test_an_idle_worker_goes_at_once() -> None:
    assert await gone(egress())


async def test_a_worker_stays_while_a_conference_is_mixed_that_it_alone_can_stream() -> None:
    worker = beside_a_mix()
    assert not await gone(worker)
    assert not await gone(worker, beside("e2", "pod-2"), beside("e3", draining=True))
    assert await gone(worker, beside("e2"))
    worker.feed("town-hall", None)
    assert await gone(worker)


async def test_a_conference_whose_feeds_are_lent_is_left_to_workers_of_other_hosts() -> None:
    worker = egress()
    worker.feed("town-hall", replace(FEED, lent=LENT))
    assert not await gone(worker)
    assert not await gone(worker, beside("e2", "pod-2", draining=True))
    assert await gone(worker, beside("e2", "pod-2"))
    worker.feed("all-hands", replace(FEED, conference="all-hands"))
    assert not await gone(worker, beside("e2", "pod-2")), "one of two is not lent"


async def test_a_worker_that_is_missed_for_too_long_or_is_hurried_goes_all_the_same() -> None:
    assert await gone(beside_a_mix(), patience=0.01)
    assert await gone(beside_a_mix(), hurried=True)


LAST = Offer("egress-1", 7, same_host=True, leaving=True, location="default")
NO = Declined("egress-1", "is being drained", "draining", "default", same_host=True)


@pytest.mark.parametrize(
    ("feed", "answer"),
    [
        pytest.param(
            FEED, Offer("egress-1", 7, True, leaving=True, location="default"), id="as-the-last"
        ),
        pytest.param(
            None,
            Declined("egress-1", "is being drained", "draining", "default", True),
            id="a-new-conference",
        ),
    ],
)
async def test_being_drained_it_takes_what_nobody_else_could(
    feed: FeedOffer | None, answer: Offer | Declined
) -> None:
    worker = egress()
    worker.feed("town-hall", feed)
    worker.draining = True

    assert await worker.bid(WANTED) == answer
