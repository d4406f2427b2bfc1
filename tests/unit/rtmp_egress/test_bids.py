"""What an egress worker offers, and why it does not."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import pytest
from msgspec.structs import replace

from kit.capacity import Capacity
from kit.cost import Budget
from kit.vault import Vault
from proto.media import FeedSpec, Rendition
from proto.scheduler import Declined, Offer, SessionAssigned, SessionWanted
from services.rtmp_egress.archive.archive import Archive
from services.rtmp_egress.config import Config
from services.rtmp_egress.core.room import PRIOR, USUAL
from services.rtmp_egress.shell import Worker

NOW = datetime(2026, 11, 26, tzinfo=UTC)
FEED = FeedSpec("town-hall")
LARGE = FeedSpec("town-hall", width=1920, height=1080)
WANTED = SessionWanted("town-hall", FEED, Rendition(), "", "here")


def start(job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    job.close()
    return cast(asyncio.Task[None], None)


async def write(*_: object) -> None:
    pass


class Marks:
    def mark(self, conference: str) -> str:
        return conference


def worker(*encoders: str, cores: float = 1.4, **config: Any) -> Worker:
    return Worker(
        "e",
        Config(host="here", **config),
        list(encoders or ["libx264"]),
        cast(Vault, Marks()),
        cast(Archive, None),
        Capacity(Budget(cores, PRIOR, USUAL, 8), clock=lambda: 0.0, cpu_seconds=lambda _: None),
        write,
        start,
        now=lambda: NOW,
        clock=lambda: 0.0,
    )


offer = partial(Offer, "e", same_host=True, location="default")
declined = partial(Declined, "e", location="default", same_host=True)


async def busy(one: Worker, *feeds: FeedSpec) -> Worker:
    for n, feed in enumerate(feeds):
        await one.carry_out(SessionAssigned(NOW, "town-hall", f"s{n}", "e", feed, WANTED.rendition))
    return one


async def test_what_is_free_is_counted_in_sessions_of_the_size_that_is_asked_for() -> None:
    assert await worker().bid(WANTED) == offer(7)
    assert await worker().bid(replace(WANTED, feed=LARGE)) == Offer(
        "e", 3, same_host=True, location="default"
    )
    two = await busy(worker(), LARGE, LARGE)
    assert await two.bid(WANTED) == offer(2)
    view = two.view()
    assert (view.used, view.capacity, view.cost, view.load) == (2, 4, 0.194, 0.871)


async def test_who_is_full_says_of_what() -> None:
    full = await busy(worker(), LARGE, LARGE, LARGE)
    reason = "has 0.09 of 1.40 cores left, and this takes 0.19"
    assert await full.bid(WANTED) == declined(reason, "full")
    assert full.view().capacity == 3


async def test_the_first_session_is_taken_by_the_weakest_machine() -> None:
    weak = worker(cores=0.05)
    assert await weak.bid(replace(WANTED, feed=LARGE)) == Offer(
        "e", 1, same_host=True, location="default"
    )
    await busy(weak, FEED)
    assert isinstance(await weak.bid(WANTED), Declined)


async def test_what_is_to_be_kept_needs_somewhere_to_keep_it() -> None:
    kept = replace(WANTED, recording=True)
    nowhere = worker()
    reason = "has nowhere to keep recordings (no-recordings)"
    assert await nowhere.bid(kept) == declined(reason, "recordings")
    assert not nowhere.view().records
    somewhere = worker(recordings_dir="/recordings")
    assert isinstance(await somewhere.bid(kept), Offer)
    assert somewhere.view().records


async def test_a_hardware_encoder_takes_so_many_sessions_and_software_the_rest() -> None:
    both = await busy(worker("h264_nvenc", "libx264", egress_engines=2), LARGE)
    assert await both.bid(WANTED) == Offer(
        "e", 7, same_host=True, hardware=True, location="default"
    )
    await busy(both, LARGE, LARGE)
    assert await both.bid(WANTED) == offer(6)
    full = "all 2 sessions of its encoder are taken"
    only = replace(WANTED, rendition=replace(WANTED.rendition, encoder="h264_nvenc"))
    assert await both.bid(only) == declined(full, "full")
    alone = await busy(worker("h264_nvenc", egress_engines=2), LARGE, LARGE)
    assert await alone.bid(WANTED) == declined(full, "full")


@pytest.mark.parametrize("encoder", ["libx264", "h264_qsv"])
async def test_an_encoder_that_it_does_not_have_is_said(encoder: str) -> None:
    wanted = replace(WANTED, rendition=replace(WANTED.rendition, encoder=encoder))
    reason = f"has no encoder {encoder}"
    assert await worker("h264_nvenc").bid(wanted) == declined(reason, "encoder")


async def test_a_feed_of_another_host_is_taken_where_its_mixer_lends_it() -> None:
    far = replace(WANTED, host="there")

    no = await worker().bid(far)

    assert isinstance(no, Declined)
    assert no.code == "host"
    assert "ROSTRUM_LINK_ADDRESS" in no.reason
    assert await worker().bid(replace(far, lent=True)) == Offer("e", 7, location="default")


async def test_overflow_is_for_those_who_are_in_it() -> None:
    oslo = replace(WANTED, location="Oslo", overflow=["Bergen"])
    assert isinstance(await worker(location="Oslo").bid(oslo), Offer)
    assert isinstance(await worker(location="Bergen").bid(oslo), Offer)
    assert await worker().bid(oslo) == declined("is in location “default”", "location")
    alone = replace(WANTED, location="Oslo")
    no = Declined("e", "is in location “Bergen”", "location", "Bergen", same_host=True)
    assert await worker(location="Bergen").bid(alone) == no
