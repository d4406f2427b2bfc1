"""The process of an egress session, between a feed and a real RTMP server."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import av
import pytest

from bench.common import processes, tree
from cli.ingest import Ingest, start_ingest
from kit.child import Child
from kit.secrets import Sealer, new_key
from proto.media import FeedSpec, Rendition
from proto.urls import Delivery
from services.rtmp_egress.media.publisher import Publisher
from services.rtmp_egress.wire import (
    AddDestination,
    Begin,
    Changed,
    FeedAt,
    RemoveDestination,
    Reports,
    Started,
    Stats,
    Stopped,
    decode_report,
)
from tests.support.canary import WATCH, Needle, Watch, canary
from tests.support.certs import Certificates
from tests.support.faulty_rtmp import faulty_server
from tests.support.nats import free_port
from tests.support.nginx import certificates, rtmp_server, rtmps_server  # noqa: F401
from tests.support.tags import target
from tests.support.watch import Watched, beeps, flashes, offsets, watch

pytestmark = pytest.mark.nginx

MODULE = "services.rtmp_egress.session"
FEED = FeedSpec("c1", width=320, height=180)
"""Small, so that two cores carry the test; what is judged does not depend on the size."""
RENDITION = Rendition(video_kbps=500)
GOP = 60

INSIDE = 15
"""Pictures that the encoder still looks ahead at when the session is ended, with some to spare."""

SYNC = 0.040
"""Seconds that sound and picture may be apart."""

DECODERS = {"h264": "h264", "hevc": "hevc", "av1": "dav1d"}

R = TypeVar("R")


class Session:
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
        """The first report of a kind for which something holds."""
        async with asyncio.timeout(30), self._news:
            while True:
                for report in self.said:
                    if isinstance(report, kind) and holds(report):
                        return report
                await self._news.wait()

    async def pictures(self, count: int) -> Stats:
        """Let the session encode so many pictures more."""
        so_far = max((s.pictures for s in self.said if isinstance(s, Stats)), default=0)
        return await self.until(Stats, lambda stats: stats.pictures >= so_far + count)

    async def state(self, participant: str, state: str) -> Changed:
        return await self.until(
            Changed, lambda told: (told.participant, told.state) == (participant, state)
        )

    async def times(self, participant: str, state: str, count: int) -> Changed:
        """The report of a state that is the `count`th one after another state."""
        async with asyncio.timeout(20), self._news:
            while True:
                told = [r for r in self.said if isinstance(r, Changed)]
                told = [r for r in told if r.participant == participant]
                befores = [None, *told]
                changes = [
                    now
                    for before, now in zip(befores, told, strict=False)
                    if now.state == state and (before is None or before.state != state)
                ]
                if len(changes) >= count:
                    return changes[count - 1]
                await self._news.wait()

    def add(
        self,
        participant: str,
        url: str,
        delivery: Delivery = Delivery(),  # noqa: B008, it is frozen
        *,
        backup: str = "",
        seen: bool = False,
    ) -> None:
        sealed = self._sealer.seal(backup) if backup else ""
        order = AddDestination(participant, self._sealer.seal(url), delivery, sealed, seen)
        self.child.send(order)


@contextmanager
def stopped(server: Ingest) -> Iterator[None]:
    """As if the machine had hung: nginx and its workers, but not the kernel under them."""
    pids = [process.pid for process in tree(server.process.pid, processes())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def session(rendition: Rendition = RENDITION, ca_file: str = "") -> AsyncIterator[Session]:
    """Run one; it must end cleanly."""
    key = new_key()
    sealer = Sealer.from_env({"ROSTRUM_SECRET_KEY": key})
    env = {"ROSTRUM_SECRET_KEY": key, "ROSTRUM_TLS_CA_FILE": ca_file}
    child = await Child.spawn(MODULE, decode_report, env)
    watch = Watch(*WATCH.needles, Needle("the key that seals", key))
    running = Session(child, sealer)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(running.listen())
        child.send(Begin("s1", FEED, rendition, stats_every=0.1))
        try:
            yield running
        finally:
            code = await child.stop()
            await listening
    assert code == 0
    watch.look("reports", MODULE, repr(running.said))
    watch.check()


@asynccontextmanager
async def feed(path: Path, luma: int = 90) -> AsyncIterator[asyncio.subprocess.Process]:
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


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "run" / "feeds.sock"


def judge(recorded: list[Path]) -> Watched:
    """What a player makes of a recording, which must be without fault in its structure."""
    assert len(recorded) == 1
    seen = watch(str(recorded[0]), look=lambda picture: float(picture[:20].mean()))
    assert seen.size == (FEED.width, FEED.height)
    assert {after - before for before, after in pairwise(seen.dts)} <= {33, 34}
    assert seen.keys == list(range(0, len(seen.seen), GOP))
    assert len(seen.sound) / seen.rate == pytest.approx(seen.times[-1], abs=0.5)
    return seen


def apart(seen: Watched) -> list[float]:
    """How far each beep is from its flash. The one before the stream's first key frame is cut."""
    flash = [at for at in flashes(seen.seen, seen.times) if at > 0]
    beep = [at for at in beeps(seen.sound, seen.sound_from) if at > 0.15]
    assert flash
    return offsets(flash, beep)


async def test_the_server_records_what_the_feed_shows(
    rtmp_server: Ingest,  # noqa: F811
    socket: Path,
) -> None:
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        running.add("p1", rtmp_server.url("one"))
        assert (await running.until(Started)).encoder == "libx264"
        await running.state("p1", "publishing")
        await running.pictures(120)
        running.child.send(RemoveDestination("p1"))
        stopped = await running.state("p1", "stopped")
    rtmp_server.stop()

    seen = judge(rtmp_server.recorded("one"))
    assert len(seen.seen) >= 120 - INSIDE
    assert max(map(abs, apart(seen))) <= SYNC
    assert stopped.bytes_out > 0
    stats = [report for report in running.said if isinstance(report, Stats)][-1]
    assert (stats.slates, stats.feeds) == (0, 1)


async def test_newer_codecs_go_to_those_who_take_them_and_are_encoded_once_for_all_of_them(
    socket: Path,
    tmp_path: Path,
) -> None:
    """One server says that it takes them and another does not; that one is forced once."""
    async with (
        feed(socket),
        faulty_server("newer", enough=1 << 30, keep=tmp_path) as able,
        faulty_server("ok", enough=1 << 30, keep=tmp_path) as plain,
        session() as running,
    ):
        running.child.send(FeedAt(str(socket)))
        wishes = {
            "one": (able, Delivery(codec="hevc")),
            "two": (able, Delivery(codec="hevc")),
            "newest": (able, Delivery(codec="av1")),
            "old": (plain, Delivery(codec="av1")),
            "forced": (plain, Delivery(codec="hevc", codec_unconfirmed=True)),
        }
        for who, (server, delivery) in wishes.items():
            running.add(who, server.url(f"live/{who}"), delivery)
        told = {who: await running.state(who, "publishing") for who in wishes}
        await running.pictures(5 * GOP)
    encoders = [said.encoder for said in running.said if isinstance(said, Started)]

    assert sorted(encoders) == ["libsvtav1", "libx264", "libx265"]
    sent: dict[str, str] = {who: one.codec for who, one in told.items()}
    newer = {"one": "hevc", "two": "hevc", "newest": "av1", "forced": "hevc"}
    assert sent == {**newer, "old": "h264"}
    assert (told["old"].code, told["one"].code) == ("codec-fallback", "")
    assert told["old"].reason == "sent as H.264: the server does not say that it takes AV1"
    for who, codec in sent.items():
        file = tmp_path / f"{who}.flv"
        with av.open(str(file)) as container:
            assert container.streams.video[0].codec_context.name in (codec, f"lib{DECODERS[codec]}")
        seen = judge([file])
        assert len(seen.seen) >= 2 * GOP
        assert seen.times[0] == 0
        assert max(map(abs, apart(seen))) <= SYNC


async def test_destinations_that_fail_harm_no_other(
    rtmp_server: Ingest,  # noqa: F811
    socket: Path,
) -> None:
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        running.add("good", rtmp_server.url("good"))
        running.add("nobody", f"rtmp://127.0.0.1:{free_port()}/live/{canary('key')}")
        running.add("http", f"http://127.0.0.1/live/{canary('key')}")
        running.child.send(AddDestination("forged", "bm90IHNlYWxlZA=="))
        running.add("strange", rtmp_server.url(canary("key")), Delivery(tls_ca="ours"))
        nobody = await running.until(Changed, lambda told: told.next_retry_in is not None)
        wrong = ("http", "forged", "strange")
        codes = {who: (await running.state(who, "failed")).code for who in wrong}
        await running.state("good", "publishing")
        await running.pictures(60)
    rtmp_server.stop()

    assert (nobody.participant, nobody.state, nobody.code) == (
        "nobody",
        "connecting",
        "connect-refused",
    )
    assert codes == {
        "http": "bad-url",
        "forged": "unsealable",
        "strange": "tls-authority",
    }
    assert len(judge(rtmp_server.recorded("good")).seen) >= 60 - INSIDE


async def test_a_destination_may_be_added_again_at_once(
    rtmp_server: Ingest,  # noqa: F811
    socket: Path,
) -> None:
    """The new call waits until the old one has left the key, and only its own news is told."""
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        running.add("p1", rtmp_server.url("one"))
        running.add("p1", rtmp_server.url("other"))
        await running.state("p1", "publishing")
        running.child.send(RemoveDestination("p1"))
        running.add("p1", rtmp_server.url("two"))
        running.add("p2", rtmp_server.url("never"))
        running.child.send(RemoveDestination("p2"))
        await running.state("p2", "stopped")
        await running.pictures(60)
        told = [r.state for r in running.said if isinstance(r, Changed) and r.participant == "p1"]
    rtmp_server.stop()

    assert told == ["connecting", "publishing"] * 2
    assert rtmp_server.recorded("other") == []
    assert len(judge(rtmp_server.recorded("two")).seen) > 0


async def test_a_server_that_dies_and_comes_back_gets_its_stream_back_each_time(
    tmp_path: Path,
    socket: Path,
) -> None:
    """Three times; each recording begins at a key frame and at time 0, and is without a gap."""
    port = free_port()
    recordings, losses = [], []
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        for life in range(3):
            with start_ingest(tmp_path / str(life), port) as server:
                if life == 0:
                    running.add("p1", server.url("one"))
                await running.times("p1", "publishing", life + 1)
                await running.pictures(75)
                server.kill()
            losses.append(await running.times("p1", "recovering", life + 1))
            recordings.append(server.recorded("one"))
    told = [report for report in running.said if isinstance(report, Changed)]

    assert {lost.code for lost in losses} <= {"connection-lost", "server-closed"}
    assert losses[0].bytes_out > 0
    assert [t.bytes_out for t in told] == sorted(t.bytes_out for t in told)
    for recorded in recordings:
        # The last pictures may have been in nginx's memory when it was killed.
        assert len(judge(recorded).seen) >= 75 - INSIDE


async def test_a_server_that_is_stopped_is_found_out_and_got_back(
    rtmp_server: Ingest,  # noqa: F811
    socket: Path,
) -> None:
    """Its kernel still takes what it will never read, so only its own silence tells."""
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        running.add("p1", rtmp_server.url("one"))
        await running.state("p1", "publishing")
        await running.pictures(90)
        with stopped(rtmp_server):
            begun = time.monotonic()
            lost = await running.state("p1", "recovering")
            took = time.monotonic() - begun
        await running.times("p1", "publishing", 2)

    assert lost.code == "not-acknowledged"
    assert took < 10


async def test_a_key_that_the_server_has_not_given_up_yet_is_waited_for(socket: Path) -> None:
    """A half-dead connection of our own still has it."""
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        async with faulty_server("refuse-bad-name", times=3) as server:
            running.add("p1", server.url())
            await running.state("p1", "publishing")
    told = [(r.state, r.code, r.attempt) for r in running.said if isinstance(r, Changed)]

    waiting = ("connecting", "stream-key-in-use-or-invalid")
    assert told[:5] == [
        ("connecting", "", 1),
        *((*waiting, attempt) for attempt in (2, 3, 4)),
        ("publishing", "", 4),
    ]


async def test_the_same_with_a_real_server(
    rtmp_server: Ingest,  # noqa: F811
    socket: Path,
) -> None:
    half_dead = Publisher(target(rtmp_server.url("one")))
    await half_dead.connect()
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        running.add("p1", rtmp_server.url("one"), seen=True)
        waits = await running.until(Changed, lambda told: told.attempt == 3)
        await half_dead.close()
        await running.state("p1", "publishing")
        await running.pictures(60)
    rtmp_server.stop()

    assert (waits.state, waits.code) == ("recovering", "stream-key-in-use-or-invalid")
    assert len(judge(rtmp_server.recorded("one")[-1:]).seen) >= 60 - INSIDE


async def test_a_backup_address_takes_over_and_a_hot_one_is_there_all_the_time(
    rtmp_server: Ingest,  # noqa: F811
    socket: Path,
) -> None:
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        async with faulty_server("ok") as primary:
            spare, hot = rtmp_server.url("spare"), rtmp_server.url("hot")
            running.add("over", primary.url(), Delivery(), backup=spare)
            running.add("both", primary.url(), Delivery(backup_mode="hot"), backup=hot)
            await running.until(Changed, lambda told: told.on_air == "primary")
            await running.until(Changed, lambda told: told.on_air == "both")
            primary.process.kill()
            over = await running.until(
                Changed, lambda told: (told.participant, told.on_air) == ("over", "backup")
            )
            both = await running.until(
                Changed,
                lambda told: (
                    (told.participant, told.on_air) == ("both", "backup")
                    and "recovering" in told.reason  # and not connecting, as at the beginning
                ),
            )
        await running.pictures(60)
        running.child.send(RemoveDestination("both"))
        await running.state("both", "stopped")
        states = [
            r.state for r in running.said if isinstance(r, Changed) if r.participant == "both"
        ]
    rtmp_server.stop()

    assert (over.state, over.reason) == ("publishing", "live at the backup address")
    assert both.reason.startswith("live at the backup address alone; the primary one is recovering")
    assert set(states) == {"connecting", "publishing", "stopped"}, "the viewers saw no break"
    for key in ("spare", "hot"):
        assert len(judge(rtmp_server.recorded(key)).seen) >= 60 - INSIDE


async def test_one_that_was_live_in_a_process_that_died_is_recovering(
    rtmp_server: Ingest,  # noqa: F811
) -> None:
    async with session() as running:
        running.add("p1", rtmp_server.url("one"), seen=True)
        await running.state("p1", "publishing")

    assert [r.state for r in running.said if isinstance(r, Changed)][:2] == [
        "recovering",
        "publishing",
    ]


async def test_a_newcomer_starts_at_a_key_frame_without_waiting(
    rtmp_server: Ingest,  # noqa: F811
    socket: Path,
) -> None:
    async with feed(socket), session() as running:
        running.child.send(FeedAt(str(socket)))
        running.add("first", rtmp_server.url("first"))
        await running.pictures(80)
        running.add("second", rtmp_server.url("second"))
        await running.state("second", "publishing")
        await running.pictures(15)
    rtmp_server.stop()

    first, second = (judge(rtmp_server.recorded(key)) for key in ("first", "second"))
    assert (first.times[0], second.times[0]) == (0, 0)
    # From the key frame before it joined; had it waited for the next, there would be nothing.
    assert len(second.seen) >= 80 + 15 - GOP - INSIDE
    assert len(second.seen) < len(first.seen)


async def test_a_mixer_that_dies_and_comes_back_leaves_no_gap(
    rtmp_server: Ingest,  # noqa: F811
    socket: Path,
) -> None:
    async with session() as running:
        async with feed(socket, luma=60) as mixer:
            running.child.send(FeedAt(str(socket)))
            running.add("p1", rtmp_server.url("one"))
            await running.state("p1", "publishing")
            await running.pictures(45)
            mixer.kill()
            await mixer.wait()
            running.child.send(FeedAt(""))
            await running.pictures(45)
        elsewhere = socket.with_name("again.sock")
        async with feed(elsewhere, luma=160):
            running.child.send(FeedAt(str(elsewhere)))
            await running.until(Stats, lambda stats: stats.feeds == 2)
            stats = await running.pictures(90)
    rtmp_server.stop()

    assert stats.repeated >= 30
    seen = judge(rtmp_server.recorded("one"))
    assert max(map(abs, apart(seen))) <= SYNC
    shown = [round(value, -1) for value in seen.seen]
    first, last = min(shown), shown[-40]
    assert shown.count(first) > 60, "the first mixer's picture stood while there was none"
    assert last > first + 80, "the second one's picture is shown"


async def test_without_a_mixer_there_is_a_slate_in_the_end(
    rtmp_server: Ingest,  # noqa: F811
) -> None:
    async with session() as running:
        running.add("p1", rtmp_server.url("one"))
        await running.state("p1", "publishing")
        stats = await running.until(Stats, lambda stats: stats.slates >= 45)
    rtmp_server.stop()

    assert stats.slates == stats.pictures
    seen = judge(rtmp_server.recorded("one"))
    assert {round(value, -1) for value in seen.seen} == {10}
    assert float(abs(seen.sound).max()) == 0


async def test_rtmps_is_verified_against_our_own_authorities(
    rtmps_server: Ingest,  # noqa: F811
    certificates: Certificates,  # noqa: F811
    socket: Path,
) -> None:
    async with feed(socket), session(ca_file=str(certificates.ca)) as running:
        running.child.send(FeedAt(str(socket)))
        running.add("good", rtmps_server.tls_url("good"))
        assert (await running.state("good", "publishing")).tls_version == "TLSv1.3"
        await running.pictures(60)
    async with session() as running:
        running.add("unknown", rtmps_server.tls_url("unknown"))
        refused = await running.state("unknown", "failed")
    rtmps_server.stop()

    assert len(judge(rtmps_server.recorded("good")).seen) >= 60 - INSIDE
    assert (refused.code, "issuer" in refused.reason) == ("tls-certificate", True)


async def test_a_session_that_cannot_encode_says_so_and_ends() -> None:
    async with session(Rendition(encoder="h265_of_my_dreams")) as running:
        stopped = await running.until(Stopped)
        assert await asyncio.wait_for(running.child.wait(), 5) == 0

    assert stopped.code == "no-encoder"
    assert "h265_of_my_dreams" in stopped.reason
