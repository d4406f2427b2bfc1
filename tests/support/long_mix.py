"""A mix in which something changes all the time: `python -m tests.support.long_mix [SECONDS]`.

People come and go, layouts and presentations change, and one of them flashes and beeps once a
second. What is told: pictures and blocks of sound that are missing, and how far each flash that is
seen is from its beep. Ten minutes are the promise; the tests run some seconds of it.
"""

import asyncio
import json
import sys
import tempfile
import time
from itertools import cycle, pairwise
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from kit.link import FeedReader, Picture
from proto.media import FeedSpec
from proto.views import ConferenceView, ParticipantView
from services.mixer import wire
from services.mixer.media.voice import BLOCK, RATE
from tests.support.clips import BEEP_HZ, clip
from tests.support.mixer import FPS, PATIENCE, Conference, begun, person
from tests.support.watch import beeps, flashes, offsets

SPEC = FeedSpec("c", width=640, height=360)
LAYOUTS = ("1:7", "ac", "4:0", "9:0", "1:21", "teams", "two_mains_eight_around", "1:1")
"""Those in which the one who flashes is always seen."""

EVERY = 1.7
"""Seconds between two changes."""

WHITE = 200
"""Of 235 of luma: a flash, and no colour of anybody else."""

FLASHED = 0.004
"""Part of a picture that is white if somebody flashes: less than the smallest place, more than the
letters of all names."""

UNSURE = 0.4
"""Seconds round a change in which a flash may seem to begin late: its place came late."""


class Figures(msgspec.Struct):
    seconds: float
    pictures: int
    missing_pictures: int
    missing_blocks: int
    late: int
    "Pictures that the mix itself left out."
    changes: int
    flashes: int
    worst_offset_ms: float
    "Of a flash and its beep."


class _Eye(msgspec.Struct):
    """What was seen and heard, without the pictures themselves."""

    numbers: list[int] = []
    white: list[float] = []
    blocks: list[int] = []
    sound: list[npt.NDArray[np.float32]] = []

    def take(self, socket: str, seconds: float) -> None:
        reader = FeedReader.connect(socket, msgspec.json.encode(SPEC), PATIENCE)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            packet = reader.read(1.0)
            if isinstance(packet, Picture):
                self.numbers.append(packet.n)
                self.white.append(float((packet.canvas[: SPEC.height : 2, ::2] > WHITE).mean()))
                packet.release()
            elif packet is not None:
                self.blocks.append(packet.m)
                self.sound.append(packet.block.mean(axis=1).astype(np.float32) / 32768)
        reader.close()


def _missing(numbers: list[int]) -> int:
    return sum(after - before - 1 for before, after in pairwise(numbers))


def _beeps(sound: npt.NDArray[np.float32], start: float) -> list[float]:
    """When the flasher's beep begins, under everybody's tones: those lie at multiples of 50 Hz from
    it, where a window of 20 ms hears nothing."""
    at = np.arange(len(sound)) / RATE
    turned = sound * np.exp(-2j * np.pi * BEEP_HZ * at)
    level = np.abs(np.convolve(turned, np.ones(BLOCK) / BLOCK, "same"))
    return beeps(level.astype(np.float32), start, threshold=float(np.percentile(level, 95)) / 2)


async def mix(directory: Path, seconds: float) -> Figures:
    async with begun(directory) as conference:
        flasher = clip(directory / "ann.mp4", seconds=4.0, flash_every=1.0, tone=300, level=0.02)
        conference.source("ann", flasher)
        slides = clip(
            directory / "slides.mp4",
            colour=(190, 170, 40),
            seconds=3,
            size=(1280, 720),
            audio=False,
        )
        conference.source("ann", slides, "presentation")
        others = [f"p{n}" for n in range(6)]
        for n, who in enumerate(others):
            shade = (40 + 25 * n, 150 - 20 * n, 60 + 15 * n)
            path = clip(directory / f"{who}.mp4", colour=shade, tone=400 + 50 * n, level=0.01)
            conference.source(who, path)
        conference.show(person("ann", presents=True))
        await conference.live("ann")
        ready = await conference.report(wire.Ready)
        eye, changed = _Eye(), list[float]()
        epoch = time.monotonic()
        watching = asyncio.create_task(asyncio.to_thread(eye.take, ready.socket, seconds))
        await _change_until_done(conference, others, watching, changed)
        await watching
        stats = await conference.report(wire.Stats)
    first = eye.numbers[0] / FPS
    unsure = [first + at - epoch for at in changed]
    times = [n / FPS for n in eye.numbers]
    sure = [
        at
        for at in flashes([255 * (part > FLASHED) for part in eye.white], times)
        if at > times[0] + 0.5
        and at < times[-1] - 0.5
        and all(abs(at - other) > UNSURE for other in unsure)
    ]
    heard = _beeps(np.concatenate(eye.sound), eye.blocks[0] * BLOCK / RATE)
    off = [abs(each) for each in offsets(heard, sure)]
    return Figures(
        seconds,
        len(eye.numbers),
        _missing(eye.numbers),
        _missing(eye.blocks),
        stats.late,
        len(changed),
        len(sure),
        round(1000 * max(off), 1),
    )


async def _change_until_done(
    conference: Conference, others: list[str], done: "asyncio.Task[None]", changed: list[float]
) -> None:
    """One thing after another: somebody comes or goes, another layout, a presentation or none."""
    view = ConferenceView("c", 1, name="Town hall", running=True)
    layouts, there, presenting = cycle(LAYOUTS), list[str](), False
    people: list[ParticipantView] = []
    for n in cycle(range(4)):
        await asyncio.wait({done}, timeout=EVERY)
        if done.done():
            return
        match n:
            case 0 if len(there) == len(others):
                there = there[3:]
            case 0:
                there = [*there, next(who for who in others if who not in there)]
            case 1:
                view = msgspec.structs.replace(view, layout=next(layouts))
            case 2:
                presenting = not presenting
            case _:
                there = [*there, *(who for who in others if who not in there)][-6:]
        people = [person("ann", presents=True), *map(person, there)]
        view = msgspec.structs.replace(
            view,
            version=view.version + 1,
            participants=people,
            presenter="ann" if presenting else "",
        )
        conference.child.send(wire.Show(view))
        changed.append(time.monotonic())


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    with tempfile.TemporaryDirectory(prefix="rostrum-") as directory:
        figures = asyncio.run(mix(Path(directory), seconds))
    print(json.dumps(msgspec.to_builtins(figures), indent=1))


if __name__ == "__main__":
    main()
