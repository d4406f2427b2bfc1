"""Clips for the sample conference and the benchmarks: made on the spot, never committed.

The pictures are real footage out of a wheel on PyPI, the voices recorded ones out of another or
espeak-ng's; what cannot be had is drawn and hummed instead, and the result says so.
"""

import fcntl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import av.logging
import msgspec

from cli.clips.footage import cuts, drawn, filmed
from cli.clips.slides import slides
from cli.clips.voices import recordings, voice
from cli.clips.wheels import Wheels, fetch
from cli.clips.write import FPS, SECONDS, SLIDE_FPS, write_clip

RECIPE = "2"
"""Goes up when the clips would come out differently, so that old ones are made anew."""

Pictures = Callable[[], list[av.VideoFrame]]


class Clips(msgspec.Struct, frozen=True):
    """Where the clips are and what they show."""

    participants: list[Path]
    "640x360, 30 pictures/s, H.264 and AAC; each talks in its own turn of the loop."
    presentation: Path
    "1280x720 slides in which something moves five times a second; no sound."
    footage: bool
    "Real footage; otherwise drawn."
    voices: str
    "`recorded`, `espeak-ng`, both joined by ` and `, or `hummed`."


def prepare(
    directory: Path,
    participants: int = 8,
    offline: bool = False,
    say: Callable[[str], None] = print,
) -> Clips:
    """Make what is missing below `directory`; two callers at once make it once."""
    av.logging.set_level(None)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wheels = Wheels() if offline else fetch(directory / "wheels")
        return _make(directory, wheels, participants, say)


def _make(directory: Path, wheels: Wheels, participants: int, say: Callable[[str], None]) -> Clips:
    films = wheels.films
    known = recordings(wheels.voices)
    spoken = [voice(n, known) for n in range(participants)]
    origins = sorted({each.origin for each in spoken}, reverse=True)
    source = "filmed" if films else "drawn"
    # The name says what is inside, so that clips made offline are not taken for the others later.
    wanted = [
        directory / f"participant-{n + 1}-{source}-{spoken[n].origin}-{RECIPE}.mp4"
        for n in range(participants)
    ]
    presentation = directory / f"presentation-{RECIPE}.mp4"
    if films is None:
        say("clips: no footage to be had from PyPI, so the participants are drawn")
    missing = [path for path in [*wanted, presentation] if not path.exists()]
    if missing:
        say(f"clips: making {len(missing)} clips of {SECONDS} s in {directory}")
    with ThreadPoolExecutor(2) as pool:
        jobs = []
        for n, path in enumerate(wanted):
            if path in missing:
                pictures = _pictures(n, films)
                jobs.append(pool.submit(write_clip, path, pictures, spoken[n].samples, FPS))
        if presentation in missing:
            jobs.append(pool.submit(write_clip, presentation, slides, None, SLIDE_FPS))
        for job in jobs:
            job.result()
    return Clips(wanted, presentation, films is not None, " and ".join(origins))


def _pictures(n: int, films: Path | None) -> Pictures:
    if films is None:
        return partial(drawn, n)
    choice = cuts(films)
    return partial(filmed, choice[n % len(choice)])
