"""Plays a recorded conference into a fresh stack: same commits, same stage, same pace.

The stack has no gateway, no routing and no egress; instead of opening media its mixer shows flat
colours, and the layouts are those that it reports to us, who take the same feeds as were taken.
"""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import typer
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from cli.compare import BadRecording, Line, Recording, differences, events, read
from cli.failure import Failure
from cli.stack import running
from kit import logs
from kit.boot import connect
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from kit.link import FeedGone, FeedReader, FeedRefused, Picture
from proto import subjects
from proto.base import encode
from proto.media import FeedSpec
from proto.mixer import LayoutChanged, MixStarted, Slot, StageChanged, decode_commit
from proto.scheduler import SessionAssigned, SessionReleased
from proto.views import ConferenceView, decode_conference, decode_feed

T = TypeVar("T")

SERVICES = "conference_state,scheduler,mixer"

LONGEST_GAP = 3.0
"""Seconds of recorded time in which nothing happened that are waited for; the rest is left out."""

PATIENCE = 30.0
"""Seconds for the stack to do anything that it did in the recording."""

SETTLE = 3.0
"""Seconds after the end for the last layouts to be reported."""

LOOK = 0.02
"""Seconds between looks for something that must come."""

LAG = 2.0
"""Seconds in which a layout that was recorded is shown here, too: normally a tenth."""

SHORT_LAG = 0.2
"""The same after one was missed: the replay has gone another way, which need not take for ever."""

TAKE_TIMEOUT = 5.0
"""Seconds for a step of taking a feed."""


def run(file: Path, speed: float) -> int:
    """Replay and compare; 0 if everything came out the same."""
    logs.configure("replay", "error")
    try:
        recording = read(file.read_text())
    except OSError as exc:
        raise Failure(f"file: {exc.strerror}", 2) from exc
    except (BadRecording, UnicodeDecodeError) as exc:
        raise Failure(f"file: this is not an export of events: {exc}", 2) from exc
    with tempfile.TemporaryDirectory(prefix="rostrum-replay-") as directory:
        options = ("--services", SERVICES)
        with running(Path(directory), *options, env={"ROSTRUM_REPLAY": "true"}) as stack:
            url = Path(stack["nats_url_file"]).read_text()
            found = asyncio.run(_replay(recording, url, speed))
    if found:
        typer.echo("\n".join(found))
        typer.echo("\nThe replay differs from the recording.", err=True)
        return 1
    typer.echo(f"{len(recording.lines)} messages replayed: the same view, the same layouts.")
    return 0


async def _replay(recording: Recording, url: str, speed: float) -> list[str]:
    async with _connected(url) as nc:
        player = Player(nc, nc.jetstream(), recording.view.conference)
        try:
            await player.ready()
            await _play(player, recording, speed)
            return await _outcome(player, recording)
        except TimeoutError:
            raise Failure(f"the replay stands still: {player.doing} takes too long") from None
        finally:
            player.close()


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Client]:
    nc = await connect("replay", [url])
    try:
        yield nc
    finally:
        await nc.close()


async def _play(player: "Player", recording: Recording, speed: float) -> None:
    before = None
    for line in recording.lines:
        if before is not None:
            gap = (line.time - before).total_seconds()
            await asyncio.sleep(max(0.0, min(gap, LONGEST_GAP)) / speed)
        before = line.time
        await player.play(line)


async def _outcome(player: "Player", recording: Recording) -> list[str]:
    """The differences that are left when everything has had its time."""
    found: list[str] = []
    for _ in range(int(SETTLE / LOOK)):
        found = differences(recording, await player.view(), await player.layouts())
        if not found:
            break
        await asyncio.sleep(LOOK)
    return found


class Player:
    """Does what the recorded services did, as far as the replayed ones do not do it themselves."""

    def __init__(self, nc: Client, js: JetStreamContext, conference: str) -> None:
        self._nc = nc
        self._js = js
        self._conference = conference
        self._takers: dict[FeedSpec, Taker] = {}
        self._sessions: dict[str, FeedSpec] = {}
        self._shown: dict[FeedSpec, tuple[str, list[Slot]]] = {}
        self._lag = LAG
        self.doing = "the start"
        "What is waited for, for people."

    async def ready(self) -> None:
        """Streams, buckets and a mixer are there."""
        logs = await JetStreamLog.ensure_all(self._js)
        self._log = logs["conference"]
        self._views = await Bucket.ensure(self._js, subjects.CONFERENCES)
        self._feeds = await Bucket.ensure(self._js, subjects.FEEDS)
        workers = await Bucket.ensure(self._js, subjects.WORKERS, ttl=subjects.WORKERS_TTL)
        await self._nc.subscribe(subjects.events("mixer", self._conference), cb=self._look)
        self.doing = "the mixer's start"
        await _until(workers.everything)

    async def play(self, line: Line) -> None:
        if line.family == "conference":
            await self._commit(bytes(line.commit))
            return
        for event in events(line):
            match event:
                case MixStarted(instance=instance):
                    await self._offer(instance)
                case StageChanged():
                    subject = subjects.replay_stage(self._conference)
                    await self._nc.publish(subject, encode(event))
                    await self._nc.flush()
                case LayoutChanged():
                    await self._take(event.feed)
                    await self._keep_step(event)
                case SessionAssigned(session=session, feed=feed):
                    self._sessions[session] = feed
                case SessionReleased(session=session):
                    self._leave(self._sessions.pop(session, None))

    async def _commit(self, commit: bytes) -> None:
        """Append as conference_state did, and wait for the view that it makes of it."""
        self.doing = "the view of the conference"
        subject = subjects.events("conference", self._conference)
        version = await self._log.append(subject, commit, expected=None)

        async def shown() -> bool:
            return (await self.view()).version >= version

        await _until(shown)

    async def view(self) -> ConferenceView:
        entry = await self._views.get(self._conference)
        if entry is None or entry.value is None:
            return ConferenceView(self._conference, 0)
        return decode_conference(entry.value)

    async def layouts(self) -> list[LayoutChanged]:
        """What the mixer has reported so far."""
        log = JetStreamLog(self._js, subjects.stream("mixer"))
        history = await log.load(subjects.events("mixer", self._conference))
        return [
            event
            for commit in history.commits
            for event in decode_commit(commit)
            if isinstance(event, LayoutChanged)
        ]

    async def _offer(self, instance: str | None = None) -> str:
        """Where the feeds of the conference can be taken, once they can."""
        self.doing = "the mix"

        async def socket() -> str | None:
            entry = await self._feeds.get(self._conference)
            if entry is None or not entry.value:
                return None
            offer = decode_feed(entry.value)
            return offer.socket if instance in (None, offer.instance) else None

        return await _until(socket)

    async def _take(self, feed: FeedSpec) -> None:
        taker = self._takers.get(feed)
        if taker is not None and taker.alive():
            return
        socket = await self._offer()
        try:
            self._takers[feed] = await asyncio.to_thread(Taker, socket, feed)
        except (FeedRefused, FeedGone, OSError) as exc:
            raise Failure(f"the mixer does not give its feed: {type(exc).__name__}") from exc

    async def _keep_step(self, recorded: LayoutChanged) -> None:
        """Wait until the same is shown here, so that what is to follow does not overtake it."""
        wanted = (recorded.view, recorded.slots)
        deadline = asyncio.get_running_loop().time() + self._lag
        while self._shown.get(recorded.feed) != wanted:
            if asyncio.get_running_loop().time() > deadline:
                self._lag = SHORT_LAG  # It will not come; the end tells.
                return
            await asyncio.sleep(LOOK / 4)

    async def _look(self, msg: Msg) -> None:
        for event in decode_commit(msg.data):
            if isinstance(event, LayoutChanged):
                self._shown[event.feed] = (event.view, event.slots)

    def _leave(self, feed: FeedSpec | None) -> None:
        if feed is not None and feed not in self._sessions.values() and feed in self._takers:
            self._takers.pop(feed).close()

    def close(self) -> None:
        with ExitStack() as stack:
            for taker in self._takers.values():
                stack.callback(taker.close)


async def _until(look: Callable[[], Awaitable[T | None]]) -> T:
    """What `look` finds, as soon as it finds something."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(LOOK)


class Taker:
    """Takes a feed, as an egress session would, and looks at none of it."""

    def __init__(self, socket: str, feed: FeedSpec) -> None:
        self._reader = FeedReader.connect(socket, msgspec.json.encode(feed), TAKE_TIMEOUT)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._read, name="taker", daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._enough.set()
        self._thread.join()

    def _read(self) -> None:
        try:
            while not self._enough.is_set():
                item = self._reader.read(LOOK)
                if isinstance(item, Picture):
                    item.release()
        except FeedGone:
            return
        finally:
            self._reader.close()
