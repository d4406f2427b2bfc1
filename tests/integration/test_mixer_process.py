"""A conference's process as its worker and its takers see it: orders in, feeds out."""

import asyncio
import base64
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from kit.child import GRACE, Child
from kit.link import FeedReader, FeedRefused, Picture
from kit.secrets import Sealer, new_key
from proto.media import FeedSpec
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView
from services.mixer import wire
from services.mixer.core import layouts, palette
from services.mixer.core.layouts import Rect
from services.mixer.core.scene import Content
from tests.support.clips import Rgb, clip
from tests.support.watch import (
    beeps,
    flashes,
    has_tone,
    inner,
    is_near,
    mean_colour,
    offsets,
    rgb,
    tones,
)

RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 160, 60), (40, 60, 190), (190, 170, 40)
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


def colour(picture: Frame, rect: Rect) -> Rgb:
    return mean_colour(picture, (rect.x, rect.y, rect.width, rect.height))


async def test_everyone_is_seen_in_their_place_and_heard(tmp_path: Path) -> None:
    people = {"ann": (RED, 440.0), "bob": (GREEN, 660.0), "cat": (BLUE, 880.0)}
    async with begun(tmp_path) as conference:
        for n, (who, (shade, tone)) in enumerate(people.items()):
            path = tmp_path / f"{who}.{('mp4', 'webm', 'flv')[n]}"
            conference.source(who, clip(path, colour=shade, tone=tone, seconds=1.5))
        conference.show(*map(person, people))
        await conference.live(*people)
        taken = await conference.take(2.5)
        layout = await conference.report(wire.LayoutChanged)

    assert taken.numbers == list(range(taken.numbers[0], taken.numbers[0] + len(taken.numbers)))
    assert taken.blocks == list(range(taken.blocks[0], taken.blocks[0] + len(taken.blocks)))
    assert len(taken.numbers) >= 60
    places = layouts.places("1:7", 3, SPEC.width, SPEC.height)
    assert [(slot.kind, slot.participant) for slot in layout.slots] == [
        ("main", "ann"),
        ("pip", "bob"),
        ("pip", "cat"),
    ]
    for rect, (shade, _) in zip([places.main, *places.pips], people.values(), strict=True):
        assert is_near(colour(taken.pictures[-1], rect), shade)
    found = tones(taken.sound[-48_000:])
    assert all(has_tone(found, tone) for _, tone in people.values())
    assert np.abs(taken.sound).max() < 0.9


async def test_flash_and_beep_leave_together(tmp_path: Path) -> None:
    async with begun(tmp_path) as conference:
        conference.source("ann", clip(tmp_path / "ann.mp4", seconds=2.0, flash_every=1.0))
        conference.show(person("ann"))
        await conference.live("ann")
        taken = await conference.take(4.0)

    bright = [float(picture.mean()) for picture in taken.pictures]
    times = [n / FPS for n in taken.numbers]
    flash = inner(flashes(bright, times, threshold=150), times)
    assert len(flash) >= 2
    assert max(map(abs, offsets(beeps(taken.sound, taken.sound_from), flash))) <= 0.020


async def test_a_presentation_fills_the_picture_within_half_a_second(tmp_path: Path) -> None:
    presented = 0.0

    async with begun(tmp_path) as conference:
        slides = clip(
            tmp_path / "s.mp4", colour=YELLOW, seconds=4, size=(1280, 720), gop=250, audio=False
        )
        conference.source("ann", clip(tmp_path / "ann.mp4", colour=RED, tone=300, level=0.02))
        conference.source("bob", clip(tmp_path / "bob.mp4", colour=GREEN, tone=500, level=0.3))
        conference.source("ann", slides, "presentation")
        people = person("ann", presents=True), person("bob")
        conference.show(*people)
        await conference.live("ann", "bob")
        await conference.live("ann", content="presentation")
        await conference.report(wire.StageChanged, lambda report: report.stage[0] == "bob")

        loop = asyncio.get_running_loop()

        def present() -> None:
            nonlocal presented
            presented = time.monotonic()
            loop.call_soon_threadsafe(lambda: conference.show(*people, presenter="ann"))

        taken = await conference.take(4.0, during=present)

    whole, inset = Rect(0, 180, 640, 180), layouts.inset(640, 360)
    filled = [is_near(colour(picture, whole), YELLOW) for picture in taken.pictures]
    assert not filled[0]
    first = filled.index(True)
    assert all(filled[first:])
    assert taken.came[first] - presented < 0.5
    last = taken.pictures[-1].astype(int)
    assert is_near(colour(taken.pictures[-1], inset), GREEN)
    green = np.abs(last - GREEN).max(axis=2) < 40
    columns, rows = np.flatnonzero(green.any(axis=0)), np.flatnonzero(green.any(axis=1))
    assert (columns[0], columns[-1] + 1) == pytest.approx((inset.x, inset.right), abs=2)
    assert (rows[0], rows[-1] + 1) == pytest.approx((inset.y, inset.bottom), abs=2)


async def test_a_broken_source_has_a_card_and_disturbs_nobody(tmp_path: Path) -> None:
    (tmp_path / "bob.mp4").write_text("not a film")
    async with begun(tmp_path) as conference:
        conference.source("ann", clip(tmp_path / "ann.mp4", colour=RED))
        conference.source("bob", tmp_path / "bob.mp4")
        conference.show(person("ann"), person("bob"))
        await conference.live("ann")
        broken = await conference.report(wire.SourceChanged, lambda r: r.state == "broken")
        before = await conference.take(1.0)
        clip(tmp_path / "new.mp4", colour=GREEN).rename(tmp_path / "bob.mp4")
        await conference.live("bob")
        after = await conference.take(1.0)

    assert (broken.participant, broken.reason) == ("bob", "not media that can be read")
    places = layouts.places("1:7", 2, 640, 360)
    assert is_near(colour(before.pictures[-1], places.main), RED)
    assert not is_near(colour(before.pictures[-1], places.pips[0]), GREEN, within=40)
    assert is_near(colour(after.pictures[-1], places.main), RED)
    assert is_near(colour(after.pictures[-1], places.pips[0]), GREEN)
    assert before.numbers == list(range(before.numbers[0], before.numbers[-1] + 1))


async def test_who_speaks_is_large(tmp_path: Path) -> None:
    async with begun(tmp_path) as conference:
        conference.source("ann", clip(tmp_path / "ann.mp4", colour=RED, level=0.0))
        conference.source("bob", clip(tmp_path / "bob.mp4", colour=GREEN, level=0.3))
        conference.show(person("ann"), person("bob"))
        await conference.report(wire.StageChanged, lambda report: report.stage == ["bob", "ann"])
        taken = await conference.take(0.5)
        conference.show(person("ann"))
        await conference.report(wire.StageChanged, lambda report: report.stage == ["ann"])
        alone = await conference.take(0.5)

    main = layouts.places("1:7", 2, 640, 360).main
    assert is_near(colour(taken.pictures[-1], main), GREEN)
    assert is_near(colour(alone.pictures[-1], Rect(0, 0, 640, 360)), RED)
    assert np.abs(alone.sound[-9600:]).max() < 0.01


async def test_while_nobody_is_there_the_feed_shows_a_slate_and_is_silent(tmp_path: Path) -> None:
    async with begun(tmp_path) as conference:
        conference.show()
        taken = await conference.take(0.7)
        layout = await conference.report(wire.LayoutChanged)

    assert len(taken.numbers) >= 15
    assert (taken.pictures[-1].min(axis=2) > 200).sum() > 200
    assert not taken.sound.any()
    assert layout.slots == []


async def test_a_replay_shows_colours_sounds_tones_and_follows_the_recorded_stage(
    tmp_path: Path,
) -> None:
    async with begun(tmp_path, replay=True) as conference:
        conference.show(person("ann", presents=True), person("bob"))
        conference.child.send(wire.Stage(["bob", "ann"]))
        await asyncio.sleep(0.2)
        taken = await conference.take(1.2)
        conference.show(person("ann", presents=True), person("bob"), presenter="ann")
        presented = await conference.take(0.5)

    places = layouts.places("1:7", 2, 640, 360)
    assert is_near(colour(taken.pictures[-1], places.main), palette.colour("bob"), 4)
    assert is_near(colour(taken.pictures[-1], places.pips[0]), palette.colour("ann"), 4)
    found = tones(taken.sound[-38_400:])
    assert has_tone(found, palette.tone("ann"))
    assert has_tone(found, palette.tone("bob"))
    lighter = palette.colour("ann", lightness=0.7)
    assert is_near(colour(presented.pictures[-1], Rect(0, 180, 640, 180)), lighter, 4)


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        (msgspec.json.encode(FeedSpec("other")), "another conference"),
        (msgspec.json.encode(FeedSpec("c", layout="9:9")), "no layout '9:9'"),
        (msgspec.json.encode(FeedSpec("c", width=4096, height=4096)), "at most"),
        (b'{"conference":"c","width":641}', "not the description of a feed"),
        (b'{"conference":"c","fps":1000}', "not the description of a feed"),
        (b"\xff\x00", "not the description of a feed"),
    ],
)
async def test_what_cannot_be_given_is_refused_with_a_reason(
    tmp_path: Path, hello: bytes, reason: str
) -> None:
    async with begun(tmp_path) as conference:
        ready = await conference.report(wire.Ready)
        with pytest.raises(FeedRefused, match=reason):
            await asyncio.to_thread(FeedReader.connect, ready.socket, hello, PATIENCE)


async def test_several_sizes_and_rates_are_served_at_once(tmp_path: Path) -> None:
    async with begun(tmp_path, replay=True) as conference:
        conference.show(person("ann"))
        conference.child.send(wire.Stage(["ann"]))
        specs = [
            SPEC,
            FeedSpec("c", width=320, height=180, fps=15),
            FeedSpec("c", width=360, height=640, fps=25),
            FeedSpec("c", content="presentation", width=320, height=180),
        ]
        all_taken = await asyncio.gather(*(conference.take(1.5, spec) for spec in specs))

    for spec, taken in zip(specs, all_taken, strict=True):
        assert taken.pictures[0].shape == (spec.height, spec.width, 3)
        assert len(taken.numbers) == pytest.approx(1.5 * spec.fps, rel=0.15)
    shade = palette.colour("ann")
    for spec, taken in zip(specs[:3], all_taken, strict=False):
        # A wide picture is whole on an upright canvas: it would lose most of itself.
        middle = Rect(10, spec.height // 2 - 60, 300, 120)
        assert is_near(colour(taken.pictures[-1], middle), shade, 4)


async def test_the_process_ends_with_its_worker_even_if_a_source_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with begun(tmp_path) as conference:
            conference.source("ann", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
            conference.show(person("ann"))
            await conference.report(wire.SourceChanged)
            before = time.monotonic()
        assert time.monotonic() - before < GRACE
