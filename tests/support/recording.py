"""The process of an egress session that records, and what is in its files."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import av
import msgspec

from kit.child import Child
from kit.secrets import Sealer, new_key
from proto.media import Content, FeedSpec, Rendition
from proto.recording import recording_id
from services.rtmp_egress.wire import (
    AddDestination,
    Begin,
    Changed,
    FeedAt,
    Keep,
    PartBegun,
    PartEnded,
    Reports,
    Stats,
    decode_report,
)

MODULE = "services.rtmp_egress.session"
FEED = FeedSpec("town-hall-1", width=320, height=180)
RENDITION = Rendition(video_kbps=500)
PATIENCE = 30

R = TypeVar("R")


class Recorded:
    """The child, and what it has said so far."""

    def __init__(self, child: Child[Reports], sealer: Sealer) -> None:
        self.child = child
        self.said: list[Reports] = []
        self._sealer = sealer
        self._news = asyncio.Condition()

    async def listen(self) -> None:
        async for report in self.child.reports():
            async with self._news:
                self.said.append(report)
                self._news.notify_all()

    async def until(self, kind: type[R], holds: Callable[[R], bool] = lambda report: True) -> R:
        async with asyncio.timeout(PATIENCE), self._news:
            while True:
                for report in self.said:
                    if isinstance(report, kind) and holds(report):
                        return report
                await self._news.wait()

    async def state(self, participant: str, state: str) -> Changed:
        return await self.until(
            Changed, lambda told: (told.participant, told.state) == (participant, state)
        )

    async def pictures(self, count: int) -> Stats:
        """Let the session encode so many pictures more."""
        so_far = max((s.pictures for s in self.said if isinstance(s, Stats)), default=0)
        return await self.until(Stats, lambda stats: stats.pictures >= so_far + count)

    def record(self, participant: str, url: str, leg: Content = "single") -> None:
        keep = Keep(recording_id(participant, leg), time.time() - time.monotonic())
        self.child.send(AddDestination(participant, self._sealer.seal(url), keep=keep))

    def push(self, participant: str, url: str) -> None:
        self.child.send(AddDestination(participant, self._sealer.seal(url)))

    def parts(self) -> list[PartBegun]:
        return [report for report in self.said if isinstance(report, PartBegun)]

    def ended(self) -> list[PartEnded]:
        return [report for report in self.said if isinstance(report, PartEnded)]


@asynccontextmanager
async def recording_session(
    directory: Path, socket: Path, feed: FeedSpec = FEED, *, clean: bool = True, **settings: object
) -> AsyncIterator[Recorded]:
    """Run one that takes a feed; it must end cleanly unless it is to be killed."""
    key = new_key()
    env = {
        "ROSTRUM_SECRET_KEY": key,
        "ROSTRUM_RECORDINGS_DIR": str(directory),
        **{f"ROSTRUM_RECORDINGS_{name.upper()}": str(value) for name, value in settings.items()},
    }
    child = await Child.spawn(MODULE, decode_report, env)
    running = Recorded(child, Sealer.from_env({"ROSTRUM_SECRET_KEY": key}))
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(running.listen())
        child.send(Begin("s1", feed, RENDITION, stats_every=0.1))
        child.send(FeedAt(str(socket)))
        try:
            yield running
        finally:
            code = await child.stop()
            await listening
    assert not clean or code == 0


@asynccontextmanager
async def paper_feed(path: Path, luma: int = 90) -> AsyncIterator[asyncio.subprocess.Process]:
    """A feed in a process of its own, which a test may kill."""
    size = [str(FEED.width), str(FEED.height), str(FEED.fps), str(luma)]
    command = [sys.executable, "-m", "tests.support.feeds", str(path), *size]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Packets(msgspec.Struct):
    """Time stamps of a file, in pictures and in samples."""

    video: list[int] = []
    audio: list[int] = []


def packets(path: Path, fps: int = FEED.fps) -> Packets:
    found = Packets(video=[], audio=[])
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            if packet.stream.type == "video":
                found.video.append(round(packet.pts * packet.time_base * fps))
            else:
                found.audio.append(round(packet.pts * packet.time_base * 48_000))
    return found
