"""A conference's process as its worker and its takers see it: orders in, feeds out."""

import asyncio
import io
import socket
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from kit.child import GRACE
from kit.link import FeedReader, FeedRefused
from proto.media import FeedSpec
from services.mixer import wire
from services.mixer.core import layouts, palette
from services.mixer.core.layouts import Rect
from services.mixer.media.prompts import samples
from services.mixer.theme import default
from tests.support.clips import Rgb, clip
from tests.support.mixer import (
    FPS,
    PATIENCE,
    SPEC,
    Frame,
    begun,
    person,
)
from tests.support.watch import (
    beeps,
    fits,
    flashes,
    has_tone,
    inner,
    is_near,
    mean_colour,
    offsets,
    tones,
)

RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 160, 60), (40, 60, 190), (190, 170, 40)


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


async def test_a_participant_hears_the_others_and_what_is_announced_and_a_stream_does_not(
    tmp_path: Path,
) -> None:
    async with begun(tmp_path, replay=True) as conference:
        conference.show(person("ann"), person("bob"))
        conference.child.send(wire.Stage(["ann", "bob"]))
        listener = msgspec.structs.replace(SPEC, listener="ann")
        loop = asyncio.get_running_loop()

        def announce() -> None:
            order = wire.Announce("recording_started", "google_meet")
            loop.call_soon_threadsafe(conference.child.send, order)

        to_ann, to_all = await asyncio.gather(
            conference.take(4.0, listener, during=announce), conference.take(4.0)
        )

    recording = default().recording("google_meet", "recording_started")
    assert recording is not None
    said = samples(recording)[::2]
    assert fits(to_ann.sound, said) > 0.9
    assert fits(to_all.sound, said) < 0.1
    ann, bob = palette.tone("ann"), palette.tone("bob")
    assert not has_tone(tones(to_ann.sound[:28_800]), ann)
    assert has_tone(tones(to_ann.sound[:28_800]), bob)
    assert has_tone(tones(to_all.sound[:28_800]), ann)


async def test_snapshots_are_jpegs_of_what_is_shown(tmp_path: Path) -> None:
    async with begun(tmp_path, replay=True) as conference:
        people = person("ann", presents=True), person("bob")
        conference.show(*people)
        conference.child.send(wire.Stage(["ann", "bob"]))
        conference.child.send(wire.TakeSnapshot(1, "preview"))
        conference.child.send(wire.TakeSnapshot(2, "presentation"))
        preview = await conference.report(wire.Snapshot, lambda r: r.number == 1)
        nothing = await conference.report(wire.Snapshot, lambda r: r.number == 2)
        conference.show(*people, presenter="ann")
        conference.child.send(wire.TakeSnapshot(3, "presentation"))
        slides = await conference.report(wire.Snapshot, lambda r: r.number == 3)

    assert nothing.jpeg is None
    assert preview.jpeg is not None
    assert slides.jpeg is not None
    picture = np.asarray(Image.open(io.BytesIO(preview.jpeg)))
    assert picture.shape == (360, 640, 3)
    place = layouts.places("1:7", 2, 640, 360).main
    assert is_near(colour(picture, place), palette.colour("ann"), 4)
    shown = np.asarray(Image.open(io.BytesIO(slides.jpeg)))
    lighter = palette.colour("ann", lightness=0.7)
    assert is_near(mean_colour(shown, (0, 0, shown.shape[1], shown.shape[0])), lighter, 4)
