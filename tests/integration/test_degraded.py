"""A session whose encoder dies or is too slow, as a real RTMP server and the recording saw it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import groupby, pairwise
from pathlib import Path
from typing import TypeVar

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from cli.ingest import Ingest
from kit.link import Format
from kit.secrets import Sealer, new_key
from proto.media import FeedSpec, Rendition
from proto.urls import Codec
from services.rtmp_egress.core import load
from services.rtmp_egress.destinations import Destinations, Settings
from services.rtmp_egress.media.bus import Bus, Limits
from services.rtmp_egress.media.codec import Canvas, EncoderDied, Make, Packets, VideoEncoder
from services.rtmp_egress.media.encoder import NoEncoder
from services.rtmp_egress.media.encodings import Encodings
from services.rtmp_egress.media.flv import FlvTag
from services.rtmp_egress.media.programme import Programme
from services.rtmp_egress.recording.kind import Recordings
from services.rtmp_egress.session import Herald, Session
from services.rtmp_egress.wire import (
    AddDestination,
    Changed,
    Degraded,
    FeedAt,
    Keep,
    Orders,
    PartBegun,
    PartEnded,
    Reports,
    Started,
    Stats,
)
from tests.support.feeds import PaperFeed
from tests.support.nginx import certificates, rtmp_server  # noqa: F401
from tests.support.watch import Watched, watch

pytestmark = pytest.mark.nginx

SPEC = FeedSpec("c1", width=320, height=180)
GOP = 60
DIES_AT = 100
SMALLER = (120, 214)
R = TypeVar("R")


def no_other(codec: Codec) -> tuple[Programme, Bus]:
    raise NoEncoder(f"no {codec} in these tests")


class Running:
    """A session within this process, pushed to a server and recorded."""

    def __init__(self, root: Path, socket: Path, url: str, make: Make) -> None:
        self.said: list[Reports] = []
        self._news = asyncio.Condition()
        self._loop = asyncio.get_running_loop()
        self._orders: asyncio.Queue[Orders | None] = asyncio.Queue()
        self._bus = Bus(Limits())
        sealer = Sealer.from_env({"ROSTRUM_SECRET_KEY": new_key()})
        settings = Settings(recordings_dir=str(root), recordings_least_free_mb=0)
        programme = Programme(
            SPEC, Rendition(video_kbps=500), self._hand_over, Herald(self._hear), make=make
        )
        recordings = Recordings(
            settings, SPEC, Rendition(), programme.moment, self._hear, clock=time.monotonic
        )
        encodings = Encodings(no_other)
        destinations = Destinations(sealer, settings, encodings, recordings)
        self.session = Session(
            self._hear, programme, self._bus, destinations, encodings, stats_every=0.1
        )
        self._orders.put_nowait(FeedAt(str(socket)))
        self._orders.put_nowait(AddDestination("push", sealer.seal(url)))
        keep = Keep("r1", time.time() - time.monotonic())
        self._orders.put_nowait(AddDestination("file", sealer.seal("record://one"), keep=keep))

    async def orders(self) -> AsyncIterator[Orders]:
        while (order := await self._orders.get()) is not None:
            yield order

    def end(self) -> None:
        self._orders.put_nowait(None)

    async def until(self, kind: type[R], holds: Callable[[R], bool] = lambda _: True) -> R:
        async with asyncio.timeout(60), self._news:
            while True:
                for report in self.said:
                    if isinstance(report, kind) and holds(report):
                        return report
                await self._news.wait()

    def of(self, kind: type[R]) -> list[R]:
        return [report for report in self.said if isinstance(report, kind)]

    def states(self, participant: str) -> list[str]:
        return [told.state for told in self.of(Changed) if told.participant == participant]

    def _hand_over(self, tags: list[FlvTag]) -> None:
        self._loop.call_soon_threadsafe(self._bus.put, tags)

    def _hear(self, report: Reports) -> None:
        """From any thread."""
        asyncio.run_coroutine_threadsafe(self._note(report), self._loop)

    async def _note(self, report: Reports) -> None:
        async with self._news:
            self.said.append(report)
            self._news.notify_all()


@asynccontextmanager
async def running(tmp_path: Path, server: Ingest, make: Make) -> AsyncIterator[Running]:
    socket = tmp_path / "run" / "feeds.sock"
    feed = PaperFeed(socket, Format(SPEC.width, SPEC.height, SPEC.fps))
    try:
        one = Running(tmp_path / "recordings", socket, server.url("one"), make)
        async with asyncio.TaskGroup() as group:
            group.create_task(one.session.run(one.orders()))
            await one.until(Changed, lambda t: (t.participant, t.state) == ("push", "publishing"))
            yield one
            one.end()
    finally:
        feed.close()


def seen_by(server: Ingest) -> Watched:
    server.stop()
    [recorded] = server.recorded("one")
    return watch(str(recorded), look=lambda picture: picture.shape[:2])


def assert_nobody_was_let_go(one: Running) -> None:
    assert one.states("push") == ["connecting", "publishing", "stopped"]
    assert one.states("file") == ["connecting", "publishing", "stopped"]


class Mortal(VideoEncoder):
    """Keeps what it has inside, as hardware does, and dies at a picture."""

    dies = True

    def _take(self, frame: av.VideoFrame, pts: int, key: bool) -> Packets:
        self.copies = not self.dies
        if self.dies and pts >= DIES_AT:
            self._inside.append((frame, pts, key))
            raise EncoderDied(self.name, "unplugged")
        return super()._take(frame, pts, key)


async def test_an_encoder_that_dies_is_followed_by_another_in_the_same_stream(
    tmp_path: Path,
    rtmp_server: Ingest,  # noqa: F811
) -> None:
    lives: list[Mortal] = []

    def make(name: str, context: VideoCodecContext, format: Format) -> VideoEncoder:
        lives.append(Mortal(name, context, format))
        lives[-1].dies = len(lives) == 1
        return lives[-1]

    async with running(tmp_path, rtmp_server, make) as one:
        await one.until(Stats, lambda stats: stats.pictures >= DIES_AT + 2 * GOP)
    seen = seen_by(rtmp_server)

    assert len(one.of(Started)) == 2
    assert one.of(Degraded) == []
    assert_nobody_was_let_go(one)
    assert {after - before for before, after in pairwise(seen.dts)} <= {33, 34}, "none is missing"
    assert len(seen.sound) / seen.rate == pytest.approx(seen.times[-1], abs=0.5)
    extra = [key for key in seen.keys if (key - seen.keys[0]) % GOP]
    assert len(extra) == 1, "a key frame of the new one, and the others on the clock"
    assert len(one.of(PartEnded)) == len(one.of(PartBegun))


class Slow(VideoEncoder):
    """Takes longer over a picture than there is time, until the machine has time again."""

    cost = 0.07

    def picture(self, canvas: Canvas, pts: int, key: bool) -> Packets:
        time.sleep(Slow.cost)
        return super().picture(canvas, pts, key)


async def test_an_encoder_that_is_too_slow_does_less_until_it_has_time_and_nobody_is_let_go(
    tmp_path: Path,
    rtmp_server: Ingest,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even half the pictures at its quickest would take too long: so smaller ones it is."""
    monkeypatch.setattr(load, "OVERLOADED", 1)
    monkeypatch.setattr(load, "SETTLING", 1.0)
    monkeypatch.setattr(load, "HOLD", 1.0)
    monkeypatch.setattr(Slow, "cost", Slow.cost)
    made: list[Slow] = []

    def make(name: str, context: VideoCodecContext, format: Format) -> VideoEncoder:
        made.append(Slow(name, context, format))
        return made[-1]

    async with running(tmp_path, rtmp_server, make) as one:
        least = await one.until(Degraded, lambda told: "size" in told.measures)
        monkeypatch.setattr(Slow, "cost", 0.0)
        await one.until(Degraded, lambda told: not told.measures)
        at = one.of(Stats)[-1].pictures
        await one.until(Stats, lambda stats: stats.pictures >= at + 2 * GOP)
    seen = seen_by(rtmp_server)

    down = [["preset"], ["preset", "frame_rate"], ["preset", "frame_rate", "size"]]
    assert [told.measures for told in one.of(Degraded)] == [*down, *down[-2::-1], []]
    assert "% of the time" in least.reason
    assert "time to spare" in one.of(Degraded)[-1].reason
    assert_nobody_was_let_go(one)
    keys = [seen.times[key] for key in seen.keys]
    assert {round(after - before, 2) for before, after in pairwise(keys)} == {2.0}
    steps = [after - before for before, after in pairwise(seen.dts)]
    assert set(steps) <= {33, 34, 66, 67}
    [smaller] = [n for n, size in enumerate(seen.seen[:-1]) if size != seen.seen[n + 1] == SMALLER]
    assert set(steps[smaller + 1 : smaller + GOP // 2]) == {66, 67}, "every other picture"
    assert set(steps[-GOP // 2 :]) == {33, 34}, "in the end, every one"
    assert len(seen.sound) / seen.rate == pytest.approx(seen.times[-1], abs=0.5)
    whole = SPEC.height, SPEC.width
    assert [size for size, _ in groupby(seen.seen)] == [whole, SMALLER, whole]
    # Each encoder has parameters of its own, which a file of MP4 has but once.
    parts = sorted((tmp_path / "recordings").rglob("*.mp4"))
    assert len(parts) == len(made) == 5
    recorded = [watch(str(part), look=lambda picture: picture.shape[:2]).seen for part in parts]
    assert [set(part) for part in recorded] == [{whole}, {whole}, {SMALLER}, {whole}, {whole}]
    assert sum(map(len, recorded)) == pytest.approx(len(seen.seen), abs=GOP)
