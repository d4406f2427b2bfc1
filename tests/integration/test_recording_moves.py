"""A recording that goes on elsewhere: one in the catalogue, in parts, over only when it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nats.aio.client import Client

from kit.boot import Jobs
from kit.kv import Bucket
from proto import subjects
from proto.egress import DestinationState
from proto.media import FeedSpec, Rendition
from proto.recording import Recording, decode_recording
from proto.scheduler import DestinationAssigned, SessionAssigned
from proto.urls import SealedUrl
from services.rtmp_egress import wire
from services.rtmp_egress.archive.archive import Archive
from services.rtmp_egress.archive.catalogue import Catalogue
from services.rtmp_egress.archive.files import Files

pytestmark = pytest.mark.nats

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
URL = SealedUrl("p1.destination", "record://talk", "record")


class Recorder:
    """A worker that records, as far as the catalogue hears of it."""

    def __init__(self, archive: Archive, session: str) -> None:
        self.archive = archive
        self.session = SessionAssigned(
            NOW, "hall-1", session, "egress", FeedSpec("hall-1"), Rendition()
        )

    async def begin(self, takes_over: str = "") -> int:
        """Returns the number that its first part has."""
        assigned = DestinationAssigned(
            NOW, "hall-1", self.session.session, "egress", "p1", URL, takes_over=takes_over
        )
        return (await self.archive.begin(assigned)).next_part

    async def part(self, number: int, at: float) -> None:
        file = f"talk-{number:03}.mp4"
        await self.hear(wire.PartBegun("p1", number, file, at, "talk", NOW, 7))

    async def ends(self, state: DestinationState, number: int = 0, code: str = "") -> None:
        if number:
            await self.hear(wire.PartEnded("p1", number, 60.0, 1000))
        await self.hear(wire.Changed("p1", state, code))

    async def hear(self, report: wire.Reports) -> None:
        await self.archive.hear(self.session, report)


class Two:
    def __init__(self, bucket: Bucket, old: Recorder, new: Recorder) -> None:
        self._bucket = bucket
        self.old = old
        self.new = new

    async def told(self) -> Recording:
        entry = await self._bucket.get("p1")
        assert entry is not None
        assert entry.value is not None
        return decode_recording(entry.value)


@asynccontextmanager
async def two(nc: Client, root: Path, other_host: str = "here") -> AsyncIterator[Two]:
    bucket = await Bucket.ensure(nc.jetstream(), subjects.RECORDINGS)
    async with Jobs(asyncio.Event()) as group:
        recorders = []
        for session, host in (("s1", "here"), ("s2", other_host)):
            catalogue = Catalogue(bucket, bucket.watch())
            group.create_task(catalogue.follow())
            await catalogue.ready()
            archive = Archive(catalogue, Files(root), host, now=lambda: NOW, clock=lambda: 0.0)
            recorders.append(Recorder(archive, session))
        yield Two(bucket, *recorders)
        await group.stop()


async def test_a_recording_that_is_handed_on_is_one_in_two_parts(
    nc: Client, tmp_path: Path
) -> None:
    async with two(nc, tmp_path) as both:
        await both.old.begin()
        await both.old.part(1, 0.0)
        assert await both.new.begin(takes_over="s1") == 2
        await both.new.part(2, 59.5)
        both.old.archive.hand_on("p1")
        await both.old.ends("stopped", 1)
        moved = await both.told()
        await both.old.archive.over("s1")
        assert await both.told() == moved
        await both.new.ends("stopped", 2)
        done = await both.told()

    assert (moved.state, moved.ended_at) == ("recording", None)
    assert [(p.number, p.at, p.ended, p.cut) for p in moved.parts] == [
        (1, 0.0, True, False),
        (2, 59.5, False, False),
    ]
    assert (done.state, done.code) == ("complete", "")
    assert all(part.ended and not part.cut for part in done.parts)


async def test_a_recording_that_cannot_go_on_there_goes_on_here(nc: Client, tmp_path: Path) -> None:
    async with two(nc, tmp_path) as both:
        await both.old.begin()
        await both.old.part(1, 0.0)
        await both.new.begin(takes_over="s1")
        await both.new.ends("failed", code="disk-full")
        refused = await both.told()
        await both.new.begin(takes_over="s1")
        await both.new.archive.over("s2")
        assert await both.told() == refused
        await both.old.ends("stopped", 1)
        done = await both.told()

    assert (refused.state, refused.code) == ("recording", "")
    assert (done.state, done.code, len(done.parts)) == ("complete", "", 1)


async def test_one_that_took_over_and_then_fails_is_over(nc: Client, tmp_path: Path) -> None:
    async with two(nc, tmp_path) as both:
        await both.old.begin()
        await both.old.part(1, 0.0)
        await both.new.begin(takes_over="s1")
        await both.new.part(2, 59.5)
        both.old.archive.hand_on("p1")
        await both.old.ends("stopped", 1)
        await both.new.ends("failed", 2, code="disk-full")
        done = await both.told()

    assert (done.state, done.code) == ("complete", "disk-full")


async def test_on_another_machine_a_number_is_left_for_what_begins_here_meanwhile(
    nc: Client, tmp_path: Path
) -> None:
    async with two(nc, tmp_path, "there") as both:
        await both.old.begin()
        await both.old.part(1, 0.0)
        assert await both.new.begin(takes_over="s1") == 3
        await both.new.part(3, 59.5)
        await both.old.part(2, 59.6)
        both.old.archive.hand_on("p1")
        await both.old.ends("stopped", 2)
        moved = await both.told()

    assert moved.state == "recording"
    assert [p.number for p in moved.parts if p.ended and not p.cut] == [2]
    assert [(p.number, p.host) for p in moved.parts] == [(1, "here"), (3, "there"), (2, "here")]
