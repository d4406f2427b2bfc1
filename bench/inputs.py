"""The same eight participants for everything that is measured: pictures of the sample clips, and
one voice that is always the loudest, so that the layout stays as it is while it is measured."""

import functools
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np

from cli.clips import prepare
from cli.clips.footage import cuts, drawn, filmed
from cli.clips.voices import Samples, recordings, voice
from cli.clips.wheels import fetch
from cli.clips.write import RATE, write_clip

PARTICIPANTS = 8

MAIN = 5
"""Who is the active speaker: as the large picture neither the cheapest nor the dearest of eight."""
MURMUR = 0.1
"""How loud the others are next to the active speaker: heard, and never taken for the speaker."""

FPS = 30


class Case(msgspec.Struct, frozen=True):
    """One size of output and what is spent on it."""

    name: str
    width: int
    height: int
    video_kbps: int
    limit: str
    "The conference's maximum call quality that makes it this."


CASES = (Case("720p30", 1280, 720, 3000, "hd"), Case("1080p30", 1920, 1080, 4500, "fullhd"))


def inputs(directory: Path) -> list[Path]:
    """Eight clips of 640x360 H.264 with AAC, made once."""
    clips = prepare(directory, PARTICIPANTS)
    known = recordings(fetch(directory / "wheels").voices)
    voices = [voice(n, known).samples for n in range(PARTICIPANTS)]
    made = []
    for n, clip in enumerate(clips.participants):
        path = clip.with_name(f"bench-{clip.name}")
        if not path.exists():
            everyone = np.sum(voices, axis=0)
            _with_sound(clip, path, everyone if n == MAIN else voices[n] * MURMUR)
        made.append(path)
    return made


class Films(msgspec.Struct, frozen=True):
    """Pictures to compose; none of these files has sound that is of interest."""

    small: list[Path]
    "640x360, as browsers send to a conference."
    large: list[Path]
    "1280x720 of the same eight."
    slides: Path
    "1280x720, five pictures a second."

    def of(self, lines: int) -> list[Path]:
        return self.small if lines == SMALL_LINES else self.large


SMALL_LINES = 360
LARGE = (1280, 720)
LARGE_BITS = 1_700_000
"""Bits per second of a camera's 1280x720: what browsers give to it."""


def films(directory: Path) -> Films:
    """Eight people at two sizes and slides, made once."""
    clips = prepare(directory, PARTICIPANTS)
    found = fetch(directory / "wheels").films
    large = []
    for n, clip in enumerate(clips.participants):
        path = clip.with_name(f"large-{clip.name}")
        if not path.exists():
            write_clip(path, functools.partial(_large, n, found), None, FPS, LARGE_BITS)
        large.append(path)
    return Films(clips.participants, large, clips.presentation)


def _large(n: int, found: Path | None) -> list[av.VideoFrame]:
    if found is not None:
        choice = cuts(found)
        return filmed(choice[n % len(choice)], *LARGE)
    return [frame.reformat(*LARGE) for frame in drawn(n)]


def _with_sound(clip: Path, path: Path, samples: Samples) -> None:
    """The pictures of `clip` as they are, with other sound."""
    partial = path.with_suffix(".partial")
    with av.open(str(clip)) as source, av.open(str(partial), "w", format="mp4") as out:
        pictures = source.streams.video[0]
        video = out.add_stream_from_template(pictures)
        audio = out.add_stream("aac", rate=RATE, layout="stereo")
        audio.bit_rate = 96_000
        next_second = 0
        for packet in source.demux(pictures):
            if packet.dts is None:
                continue
            if packet.time_base * packet.dts >= next_second:
                start = next_second * RATE
                out.mux(audio.encode(_frame(samples[start : start + RATE], start)))
                next_second += 1
            packet.stream = video
            out.mux(packet)
        out.mux(audio.encode(None))
    partial.replace(path)


def _frame(samples: Samples, start: int) -> av.AudioFrame:
    both = np.ascontiguousarray(np.tile(samples, (2, 1)))
    frame = av.AudioFrame.from_ndarray(both, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
    return frame
