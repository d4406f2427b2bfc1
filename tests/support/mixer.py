"""A conference's process, and the worker's side of it: orders in, reports and feeds out."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from kit.child import Child
from kit.link import FeedReader, Picture
from kit.secrets import Sealer, new_key
from proto.media import FeedSpec
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView
from services.mixer import wire
from services.mixer.core.scene import Content
from tests.support.watch import rgb

SPEC = FeedSpec("c", width=640, height=360)
FPS = 30
PATIENCE = 15.0
"""Seconds that anything may take on a busy machine."""

KEY = new_key()
SEALER = Sealer(base64.b64decode(KEY))

R = TypeVar("R", bound=wire.Report)
Frame = npt.NDArray[np.uint8]


class Taken(msgspec.Struct):
    """Part of a feed."""

    numbers: list[int]
    pictures: list[Frame]
    "RGB."
    came: list[float]
    "When each picture came, in seconds of the machine's clock."
    blocks: list[int]
    sound: npt.NDArray[np.float32]

    @property
    def sound_from(self) -> float:
        return self.blocks[0] * 0.02


class Conference:
    """The worker's side of the process."""

    def __init__(self, child: Child[wire.AnyReport]) -> None:
        self.child = child
        self.reports: list[wire.AnyReport] = []
        self._more = asyncio.Event()
        self._view = ConferenceView("c", 1, name="Town hall", running=True)

    async def listen(self) -> None:
        async for report in self.child.reports():
            self.reports.append(report)
            self._more.set()

    async def report(self, kind: type[R], fits: Callable[[R], bool] = lambda _: True) -> R:
        """The newest report of a kind that fits, once there is one."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._more.clear()
                for report in reversed(self.reports):
                    if isinstance(report, kind) and fits(report):
                        return report
                await self._more.wait()

    async def live(self, *people: str, content: Content = "main") -> None:
        for who in people:
            await self.report(
                wire.SourceChanged,
                lambda r, who=who: (r.participant, r.content, r.state) == (who, content, "live"),  # type: ignore[misc]
            )

    def source(self, who: str, url: str | Path, content: Content = "main") -> None:
        self.child.send(wire.Source(who, content, SEALER.seal(str(url))))

    def show(self, *people: ParticipantView, presenter: str = "") -> None:
        self._view = msgspec.structs.replace(
            self._view, participants=list(people), presenter=presenter
        )
        self.child.send(wire.Show(self._view))

    async def take(
        self, seconds: float, spec: FeedSpec = SPEC, during: Callable[[], None] | None = None
    ) -> Taken:
        """Take a feed for so long; `during` is called once, after a fifth of it."""
        ready = await self.report(wire.Ready)
        return await asyncio.to_thread(_take, ready.socket, spec, seconds, during)


def _take(path: str, spec: FeedSpec, seconds: float, during: Callable[[], None] | None) -> Taken:
    reader = FeedReader.connect(path, msgspec.json.encode(spec), PATIENCE)
    taken, parts = Taken([], [], [], [], np.zeros(0, np.float32)), []
    started = time.monotonic()
    while (at := time.monotonic() - started) < seconds:
        if during is not None and at > seconds / 5:
            during()
            during = None
        packet = reader.read(1.0)
        if isinstance(packet, Picture):
            taken.numbers.append(packet.n)
            taken.came.append(time.monotonic())
            taken.pictures.append(rgb(packet.canvas))
            packet.release()
        elif packet is not None:
            taken.blocks.append(packet.m)
            parts.append(packet.block.mean(axis=1) / 32768)
    reader.close()
    taken.sound = np.concatenate(parts).astype(np.float32)
    return taken


def person(who: str, *, presents: bool = False) -> ParticipantView:
    def url(content: str) -> SealedUrl:
        return SealedUrl(f"{who}.{content}", "file:***", "file")

    shown = url("presentation") if presents else None
    return ParticipantView(who, who.title(), "guest", media=url("media"), presentation=shown)


@asynccontextmanager
async def begun(tmp_path: Path, *, replay: bool = False) -> AsyncIterator[Conference]:
    """A process that has begun; it must end by itself when its stdin does."""
    env = {"ROSTRUM_SECRET_KEY": KEY, "ROSTRUM_RUN_DIR": str(tmp_path / "run")}
    child = await Child.spawn("services.mixer.conference", wire.decode_report, env)
    conference = Conference(child)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(conference.listen())
        try:
            child.send(wire.Begin("c", "i1", replay=replay))
            yield conference
        finally:
            code = await child.stop()
    assert code == 0
