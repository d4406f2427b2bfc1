"""The process of one conference, and its composition root: `python -m services.mixer.conference`.

Hears orders on stdin and says reports on stdout (`wire.py`); offers feeds on a Unix socket in
`ROSTRUM_RUN_DIR`. Ends when stdin does.
"""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import av
import msgspec
import structlog

from kit import logs
from kit.child import Parent
from kit.link import FeedServer, Seat
from kit.secrets import Sealer, Unsealable
from kit.tasks import Errands
from proto.conference import Announcement, Platform
from proto.layouts import CLIENT_NAMES
from proto.media import FeedSpec
from proto.mixer import SourceState
from proto.views import ConferenceView
from services.mixer import theme, wire
from services.mixer.core.line import Lines
from services.mixer.core.scene import Scene, SourceId
from services.mixer.core.telling import Telling
from services.mixer.media import prompts, srt
from services.mixer.media.cast import Cast
from services.mixer.media.engine import Direction, Engine
from services.mixer.media.planes import Plane
from services.mixer.media.snapshots import jpeg
from services.mixer.media.source import Source, UrlSource
from services.mixer.media.synthetic import SyntheticSource
from services.mixer.webrtc.network import Network

if TYPE_CHECKING:
    from services.mixer.webrtc.calls import Calls

log = structlog.get_logger()

PIXELS_LIMIT = 3840 * 2160
"""Of a feed; beyond it one thread cannot draw it in time."""

STATS_EVERY = 1.0
"""Seconds; the worker has no figures but these."""

STOP_TIMEOUT = 2.0
"""Seconds that the mix may take to end its last picture."""

DIED = 70
"""Exit code after a thread has died; `EX_SOFTWARE` of sysexits."""

_spec_decoder = msgspec.json.Decoder(FeedSpec)


class Conference:
    """Orders in, reports out."""

    def __init__(
        self,
        begin: wire.Begin,
        parent: "Parent[wire.AnyOrder]",
        sealer: Sealer,
        network: Network,
    ) -> None:
        self._begin = begin
        self._parent = parent
        self._sealer = sealer
        self._direction: Direction | None = None
        self._view: ConferenceView | None = None
        self._stage: tuple[str, ...] | None = () if begin.replay else None
        self.engine = Engine(begin.conference, self._on_stage, self._on_layout, labels=begin.labels)
        self._darkroom = ThreadPoolExecutor(1, "jpeg")
        self._cast = Cast(self._open, replay=begin.replay)
        self._network = network
        self._calls: Calls | None = None
        self.errands = Errands()
        self.theme = theme.default()
        "That is worn now."
        # One after the other, and not while the mix waits: a theme may take half a second to read.
        self._wardrobe = ThreadPoolExecutor(1, "wardrobe")

    def obey(self, order: wire.AnyOrder) -> None:
        match order:
            case wire.Show(view):
                self._view = view
                self._cast.show(view)
                if self._calls is not None:
                    self._calls.show(view)
                self._direct(Direction(view, self._cast.sources, self._stage))
            case wire.Source(participant, content, secret):
                self._cast.address(SourceId(participant, content), secret)
                if self._direction is not None:
                    self._direct(
                        msgspec.structs.replace(self._direction, sources=self._cast.sources)
                    )
            case wire.Stage(stage) if self._begin.replay:
                self._stage = tuple(stage)
                if self._direction is not None:
                    self._direct(msgspec.structs.replace(self._direction, stage=self._stage))
            case wire.Announce(announcement, platform):
                self._announce(announcement, platform)
            case wire.Connect() | wire.Candidate():
                self.errands.start(self._answer(order))
            case wire.EndCall(participant, call):
                if self._calls is not None:
                    self._calls.end(participant, call)
            case wire.TakeSnapshot(number, kind):
                self.engine.picture(kind, partial(self._took, number))
            case wire.Dress(packages):
                dressed = self._wardrobe.submit(self._dress, [Path(path) for path in packages])
                dressed.add_done_callback(_tell_failure)
            case _:
                log.warning("order out of place", order=type(order).__name__)

    def open_feed(self, hello: bytes) -> Seat | str:
        """Who says hello gets a feed, or the reason why not."""
        try:
            spec = _spec_decoder.decode(hello)
        except msgspec.MsgspecError:
            return "not the description of a feed"
        if spec.conference != self._begin.conference:
            return "this is another conference"
        if spec.layout and spec.layout not in CLIENT_NAMES.values():
            return f"there is no layout {spec.layout!r}"
        if spec.width * spec.height > PIXELS_LIMIT:
            return f"a feed has at most {PIXELS_LIMIT} pixels"
        return self.engine.open_feed(spec)

    async def stats(self, cpu_seconds: float) -> wire.Stats:
        counts = self.engine.counts()
        return wire.Stats(
            calls=Lines() if self._calls is None else await self._calls.tend(),
            cpu_seconds=cpu_seconds,
            srt=srt.METER.look(),
            **msgspec.structs.asdict(counts),
        )

    def close(self) -> None:
        self._wardrobe.shutdown(wait=False, cancel_futures=True)
        self.engine.stop()
        self._cast.close()
        if self._calls is not None:
            self._calls.close()

    async def _answer(self, order: wire.Connect | wire.Candidate) -> None:
        """To a call. What it takes to have one is loaded with the first."""
        from services.mixer.webrtc.calls import Calls
        from services.mixer.webrtc.peer import Refused

        if self._calls is None:
            self._calls = Calls(
                self._begin.conference,
                self.engine,
                self._network,
                self.errands.start,
                self._called,
                self._tell_source,
                asyncio.get_running_loop(),
            )
            if self._view is not None:
                self._calls.show(self._view)
        who, call = order.participant, order.call
        try:
            if isinstance(order, wire.Connect):
                sdp = await self._calls.connect(who, call, order.kind, order.sdp)
                self._parent.report(wire.CallAnswer(order.number, sdp))
            else:
                await self._calls.add_candidate(who, call, order.candidate, order.mid)
                self._parent.report(wire.CallAnswer(order.number))
        except Refused as exc:
            self._parent.report(wire.CallAnswer(order.number, problem=str(exc)))

    def _called(self, sources: Mapping[SourceId, Source]) -> None:
        """There are other sources by calls."""
        self._cast.calls(sources)
        if self._direction is not None:
            self._direct(msgspec.structs.replace(self._direction, sources=self._cast.sources))

    def _tell_source(self, source: SourceId, state: SourceState, reason: str) -> None:
        self._parent.report(wire.SourceChanged(source.participant, source.content, state, reason))

    def _direct(self, direction: Direction) -> None:
        self._direction = direction
        self.engine.direct(direction)

    def _dress(self, packages: list[Path]) -> None:
        self.theme = theme.load(packages)
        self.engine.dress(self.theme)

    def _open(self, source: SourceId, sealed: str) -> Source:
        if self._begin.replay:
            return SyntheticSource(source)

        try:
            url = self._sealer.open(sealed).reveal()
        except Unsealable:
            # An empty address cannot be opened, which the source finds and reports.
            url = ""
        return UrlSource(url, self.engine.now, partial(self._tell_source, source))

    def _announce(self, announcement: Announcement, platform: Platform) -> None:
        recording = self.theme.recording(platform, announcement)
        if recording is None:
            log.warning("no prompt", announcement=announcement, platform=platform)
            return
        try:
            self.engine.announce(prompts.samples(recording))
        except ValueError as exc:
            log.error("prompt cannot be played", announcement=announcement, error=str(exc))

    def _took(self, number: int, canvas: Plane | None) -> None:
        """In a thread of its own: to make a JPEG takes longer than a picture has."""
        self._darkroom.submit(self._develop, number, canvas)

    def _develop(self, number: int, canvas: Plane | None) -> None:
        self._parent.report(wire.Snapshot(number, None if canvas is None else jpeg(canvas)))

    def _on_stage(self, told: Telling) -> None:
        kind = wire.StageChanged if told.reordered else wire.StageLevels
        self._parent.report(kind(list(told.order), list(told.levels)))

    def _on_layout(self, feed: FeedSpec, scene: Scene) -> None:
        self._parent.report(wire.LayoutChanged(feed, scene.view, list(scene.slots)))


async def serve(run_dir: Path, network: Network) -> None:
    parent = Parent(wire.decode_order)
    orders = parent.orders()
    begin = await anext(orders, None)
    if not isinstance(begin, wire.Begin):
        log.error("the first order must be to begin")
        return
    structlog.contextvars.bind_contextvars(conference=begin.conference)
    conference = Conference(begin, parent, Sealer.from_env(), network)
    mix = threading.Thread(target=conference.engine.run, name="mix", daemon=True)
    mix.start()
    server = FeedServer(run_dir / f"mix-{os.getpid()}.sock", conference.open_feed)
    try:
        parent.report(wire.Ready(str(server.path)))
        async with asyncio.TaskGroup() as tasks:
            stats = tasks.create_task(_report_stats(parent, conference))
            async for order in orders:
                conference.obey(order)
            stats.cancel()
    finally:
        server.close()
        conference.close()
        await conference.errands.end()
        mix.join(STOP_TIMEOUT)


async def _report_stats(parent: "Parent[wire.AnyOrder]", conference: Conference) -> None:
    while True:
        await asyncio.sleep(STATS_EVERY)
        parent.report(await conference.stats(time.process_time()))


def _tell_failure(dressed: "Future[None]") -> None:
    """The conference goes on in what it wore."""
    if not dressed.cancelled() and (failure := dressed.exception()) is not None:
        log.error("theme cannot be put on", kind=type(failure).__name__)


def _die(failure: threading.ExceptHookArgs) -> None:
    """Half a mixer is worse than none: the worker starts a whole one."""
    name = failure.thread.name if failure.thread is not None else ""
    # No traceback text: what an exception says may hold an address.
    log.error("thread died", thread=name, kind=failure.exc_type.__name__)
    os._exit(DIED)


def main() -> NoReturn:
    logs.configure("mixer-conference", os.environ.get("ROSTRUM_LOG_LEVEL", "info"))
    av.logging.set_level(None)
    threading.excepthook = _die
    gc.freeze()  # what is loaded by now stays; looking through it again would halt the mix
    network = Network.from_env()
    with asyncio.Runner(loop_factory=network.loop_factory) as runner:
        runner.run(serve(Path(os.environ["ROSTRUM_RUN_DIR"]), network))
    # Sources may hang in libav, which asks Python now and then whether to go on: to take the
    # interpreter down under them would crash.
    os._exit(0)


if __name__ == "__main__":
    main()
