"""What a participant says: a recorded voice, espeak-ng's or a hum; mono samples at 48 kHz."""

import io
import shutil
import subprocess
from pathlib import Path

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from cli.clips.write import RATE, SECONDS

Samples = NDArray[np.float32]

TURN = 3.0
"""Seconds that one participant talks; eight turns fill the loop, one after the other."""

LOUDNESS = 0.1
"""Root mean square of a voice, about -20 dB below full scale: several at once still fit."""

ROOM = 0.0005
"""Root mean square of the noise of a room in which nobody talks (-66 dB)."""

SPEAKERS = ["en-gb", "en-us+f3", "en-gb-scotland", "en-us+f4", "en-gb-x-rp+f2", "en-us+m3"]

LINES = [
    "Good morning. Can everyone see the slides?",
    "Yes, they are clear, and the sound is good too.",
    "Then let us begin with the figures of last week.",
    "Viewers went up by a third, mostly in the evening.",
    "What about the delay? Some people mentioned it.",
    "It is three seconds now, and it used to be ten.",
    "Good. I will send the recording round after this.",
    "Thank you, that is all from my side for today.",
]


class Voice(msgspec.Struct, frozen=True):
    samples: Samples
    "The whole loop: silence but for the participant's turn."
    origin: str
    "`recorded`, `espeak-ng` or `hummed`."


def recordings(folder: Path | None) -> list[Samples]:
    if folder is None:
        return []
    return [read(path) for path in sorted(folder.iterdir()) if path.suffix in {".wav", ".mp3"}]


def voice(n: int, recorded: list[Samples]) -> Voice:
    """Participant `n`: the first few are recorded people, the others speak through espeak-ng."""
    if n < len(recorded):
        return Voice(_in_turn(n, recorded[n]), "recorded")
    spoken = _spoken(n)
    if spoken is not None:
        return Voice(_in_turn(n, spoken), "espeak-ng")
    return Voice(_in_turn(n, _hummed(n)), "hummed")


def read(source: Path | io.BytesIO) -> Samples:
    with av.open(source, "r") as sound:
        resampler = av.AudioResampler("flt", "mono", RATE)
        frames = [out for frame in sound.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)


def _spoken(n: int) -> Samples | None:
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    speaker, line = SPEAKERS[n % len(SPEAKERS)], LINES[n % len(LINES)]
    done = subprocess.run(
        [program, "-v", speaker, "-s", "165", "--stdout", line],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=10,
        check=False,
    )
    return read(io.BytesIO(done.stdout)) if done.returncode == 0 and done.stdout else None


def _hummed(n: int) -> Samples:
    """Five harmonics that swell four times a second, as syllables do."""
    time = np.arange(round(TURN * RATE)) / RATE
    pitch = 110 + 17 * n
    tone = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6))
    return np.asarray(tone * np.sin(4 * np.pi * time) ** 2, np.float32)


def _in_turn(n: int, speech: Samples) -> Samples:
    """The loop with `speech` at the turn of participant `n`, evenly loud, without clicks."""
    loud = np.flatnonzero(np.abs(speech) > 0.02 * np.abs(speech).max())
    speech = speech[loud[0] : loud[-1] + 1][: round(TURN * RATE)].copy()
    speech *= LOUDNESS / np.sqrt(np.mean(speech**2))
    fade = np.linspace(0, 1, RATE // 50, dtype=np.float32)
    speech[: len(fade)] *= fade
    speech[-len(fade) :] *= fade[::-1]
    loop = np.random.default_rng(n).normal(0, ROOM, SECONDS * RATE).astype(np.float32)
    start = round(n * TURN % SECONDS * RATE)
    loop[start : start + len(speech)] += speech[: len(loop) - start]
    return np.clip(loop, -0.98, 0.98)
