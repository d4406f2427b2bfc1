"""Makes the default prompts: `python deploy/prompts.py`, run by hand.

Needs espeak-ng and ffmpeg. What it writes is committed, so that nothing is spoken when the product
is built or runs.
"""

import re
import subprocess
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 48_000

DEFAULT = Path(__file__).parents[1] / "services" / "mixer" / "theme" / "default"

WHAT = {
    "recording": "recorded",
    "streaming": "streamed",
    "public_streaming": "streamed to the public",
    "transcribing": "transcribed",
}

PLATFORMS = {
    "google_meet": ("recording", "streaming", "public_streaming", "transcribing"),
    "teams": ("recording", "transcribing"),
}

VOICE = ("-v", "en-gb-x-rp+f2", "-s", "145", "-p", "46")
"""A calm voice, a little slower than talk: it has to be understood at once."""

LOUDNESS = -20.0
"""LUFS: as loud as the voices that it speaks over are brought to."""

FILTERS = (
    "highpass=f=90,lowpass=f=8000,equalizer=f=3200:t=q:w=1.2:g=-2,"
    "acompressor=threshold=-24dB:ratio=2.5:attack=8:release=150,"
    f"aresample={RATE}:filter_size=64"
)
"""Without rumble and hiss, less sharp, and evenly loud."""

SILENT = 0.01
"""Of the peak: where a prompt begins and ends."""

MARGIN = RATE // 50
"""Samples that stay before and behind, so that no consonant is cut."""

FADE = RATE // 200
"""Five milliseconds."""

PEAK = 0.84
"""-1.5 dB; loudness gives way to it."""

Samples = npt.NDArray[np.float64]


def sentence(what: str, event: str) -> str:
    state = "is now being" if event == "started" else "is no longer"
    return f"This meeting {state} {WHAT[what]}."


def run(*command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=given, capture_output=True, check=True, timeout=60)


def spoken(text: str) -> Samples:
    raw = run("espeak-ng", *VOICE, "--stdout", text).stdout
    out = ("-f", "s16le", "-ac", "1", "-")
    pcm = run("ffmpeg", "-loglevel", "error", "-i", "-", "-af", FILTERS, *out, given=raw).stdout
    return np.frombuffer(pcm, "<i2") / 32768


def trimmed(sound: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(sound) > SILENT * np.abs(sound).max())
    sound = sound[max(loud[0] - MARGIN, 0) : loud[-1] + MARGIN].copy()
    rise = np.linspace(0, 1, FADE)
    sound[:FADE] *= rise
    sound[-FADE:] *= rise[::-1]
    return sound


def loudness(sound: Samples) -> float:
    """LUFS, integrated."""
    shape = ("-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-")
    heard = run("ffmpeg", "-nostats", *shape, "-af", "ebur128", "-f", "null", "-", given=pcm(sound))
    return float(re.findall(rb"I:\s+(-?[\d.]+) LUFS", heard.stderr)[-1])


def pcm(sound: Samples) -> bytes:
    return np.round(sound * 32767).astype("<i2").tobytes()


def main() -> None:
    for platform, kinds in PLATFORMS.items():
        for kind in kinds:
            for event in ("started", "stopped"):
                sound = trimmed(spoken(sentence(kind, event)))
                gain = 10 ** ((LOUDNESS - loudness(sound)) / 20)
                sound *= min(gain, PEAK / np.abs(sound).max())
                path = DEFAULT / f"{platform}_{kind}_{event}_48kHz_mono.wav"
                with wave.open(str(path), "wb") as file:
                    file.setparams((1, 2, RATE, 0, "NONE", ""))
                    file.writeframes(pcm(sound))


if __name__ == "__main__":
    main()
