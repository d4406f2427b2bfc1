"""The same eight participants for everything that is measured: pictures of the sample clips, and
one voice that is always the loudest, so that the layout stays as it is while it is measured."""

from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np

from cli.clips import prepare
from cli.clips.voices import Samples, recordings, voice
from cli.clips.wheels import fetch
from cli.clips.write import RATE

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
