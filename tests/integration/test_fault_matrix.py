"""Each fault on destination A, measured on destination B of the same stream: B misses nothing."""

import asyncio
from itertools import pairwise

import pytest

from services.rtmp_egress.media.publisher import Deadlines
from tests.support import link_loss
from tests.support.faulty_rtmp import FaultyServer, faulty_server
from tests.support.nats import free_port
from tests.support.paper_stream import FPS, GOP, stage

HASTY = Deadlines(connect=0.5, setup=0.6, write=0.8, close=0.5, ping=0.2, trial=0.2)
"""Of A, so that slow faults are seen in seconds."""

CALM = 0.5
"""Seconds of media before and after the fault."""


async def watched(server: FaultyServer) -> list[int]:
    """The numbers of the pictures that a server got, which was published to once."""
    [publication] = await server.pictures()
    return [number for _, number in publication]


def gapless(numbers: list[int]) -> bool:
    return all(after == before + 1 for before, after in pairwise(numbers))


MATRIX = {
    "mute-at-handshake": ("connecting", "handshake-timeout"),
    "mute-at-connect": ("connecting", "handshake-timeout"),
    "mute-at-createStream": ("connecting", "handshake-timeout"),
    "mute-at-publish": ("connecting", "handshake-timeout"),
    "close-at-handshake": ("connecting", "handshake-closed"),
    "close-at-connect": ("connecting", "rejected"),
    "close-at-createStream": ("connecting", "rejected"),
    "close-at-publish": ("connecting", "rejected"),
    "close-at-live": ("recovering", "refused-after-start"),
    "mute-at-live": ("recovering", "stalled"),
    "stop-reading": ("recovering", "stalled"),
    "slow-reader": ("publishing", "overflow"),
    "reset": ("recovering", "connection-lost"),
    "close-later": ("recovering", "server-closed"),
    "kick": ("recovering", "server-closed"),
    "late-gibberish": ("recovering", "connection-lost"),
    "pongs-then-silence": ("recovering", "not-acknowledged"),
    "acks-then-silence": ("recovering", "not-acknowledged"),
    "garbage": ("failed", "not-rtmp"),
    "gibberish": ("failed", "not-rtmp"),
    "refuse-connect": ("failed", "connect-rejected"),
    "unknown-app": ("failed", "unknown-app"),
    "need-adobe": ("failed", "auth-required"),
    "auth-failed": ("failed", "auth-failed"),
    "refuse-bad-name": ("connecting", "stream-key-in-use-or-invalid"),
    "refuse-denied": ("failed", "publish-denied"),
    "refuse-otherwise": ("failed", "publish-rejected"),
    "forbid-later": ("failed", "publish-denied"),
}
"""What A is told to be first, and the reason code."""

LATER = {
    "reset": 150_000,
    "kick": 150_000,
    "late-gibberish": 150_000,
    "pongs-then-silence": 300_000,
    "acks-then-silence": 600_000,
}
"""Bytes after which it happens, so that the stream has been kept for a moment before."""


@pytest.mark.parametrize(("fault", "expected"), MATRIX.items(), ids=MATRIX)
async def test_a_fault_of_one_costs_the_other_nothing(
    fault: str, expected: tuple[str, str]
) -> None:
    enough = LATER.get(fault, 20_000)
    # A kernel that is full opens its window again in large steps.
    deadlines = Deadlines() if fault == "slow-reader" else HASTY
    async with faulty_server(fault, enough=enough) as bad, faulty_server("ok") as good:
        urls = bad.url("live/a"), good.url("live/b")
        async with stage(*urls, deadlines) as (clockwork, a, b):
            found = await a.until(lambda told: bool(told.code))
            await asyncio.sleep(CALM)
            assert b.outlet.dropped_frames == 0
        seen = await watched(good)

    assert (found.state, found.code) == expected
    assert found.reason
    assert [told.state for told in b.told] == ["connecting", "publishing", "stopped"]
    assert gapless(seen)
    # The last are still on their way when the stream is hung up.
    assert len(seen) >= clockwork.pictures - GOP - 2


async def test_a_port_where_nobody_listens_costs_the_other_nothing() -> None:
    nobody = f"rtmp://127.0.0.1:{free_port()}/live/a"
    async with faulty_server("ok") as good:
        async with stage(nobody, good.url("live/b"), HASTY) as (_, a, _b):
            found = await a.until(lambda told: told.attempt == 3)
        seen = await watched(good)

    assert (found.state, found.code) == ("connecting", "connect-refused")
    assert gapless(seen)


@pytest.mark.skipif(not link_loss.able(), reason="this machine gives us no network of our own")
def test_a_link_that_is_cut_is_noticed_and_got_back() -> None:
    """In a network of its own; the deadlines are a tenth of those in force."""
    gone = 1.5
    found = link_loss.lost(steady=1.0, gone=gone, scale=0.1)
    lost, *_, back = found.told

    assert (lost.state, lost.code in ("stalled", "connection-lost")) == ("recovering", True)
    assert lost.up < 0, "noticed while it was down"
    assert back.state == "publishing"
    assert len(found.publications) == 2
    assert found.whole, "each begins at a key frame and misses none"
    gap = found.publications[1][0] - found.publications[0][-1]
    # It is gone from the moment of the cut, and comes back from the newest key frame on.
    assert gap >= gone * FPS - GOP


MENDED = (
    "mute-at-handshake",
    "close-at-publish",
    "reset",
    "stop-reading",
    "pongs-then-silence",
    "refuse-bad-name",
)


@pytest.mark.parametrize("fault", MENDED)
async def test_a_fault_that_passes_is_survived(fault: str) -> None:
    """The stream is there again, from a key frame and time 0."""
    async with faulty_server(fault, times=1, enough=200_000) as bad, faulty_server("ok") as good:
        async with stage(bad.url("live/a"), good.url("live/b"), HASTY) as (_, a, _b):
            await a.until(lambda told: bool(told.code))
            await a.until(lambda told: told.state == "publishing" and told.attempt > 1)
            await asyncio.sleep(CALM)
        publications = await bad.pictures()

    back = [number for _, number in publications[-1]]
    assert len(back) >= CALM * FPS / 2
    assert back[0] % GOP == 0, "a key frame first"
    assert publications[-1][0][0] == 0, "time begins anew"
    assert gapless(back)
