"""What mixing the sound of 25 participants costs: `make bench-sound`. How: docs/sound.md.

Each round measures the mix, the mix with what each of 25 listeners hears, and the peer, libav's
`amix=25,alimiter`, with the same voices: those of a meeting, and everybody's at three levels.
"""

import argparse
import time
from collections.abc import Callable

import av
import numpy as np
from av.filter.context import FilterContext
from numpy.typing import NDArray

from bench.common import closing_line, machine, middle, spread, table
from services.mixer.media.sound import SoundMixer
from services.mixer.media.voice import BLOCK, RATE, Voice

VOICES = 25

CASES = {"meeting": (3, 0.1), "murmur": (25, 0.01), "talk": (25, 0.1), "shout": (25, 0.9)}
"""How many have sound, and the root mean square of its loud parts. In a meeting most send silence;
what a shout adds up to is 20 times full scale."""

LAP = 50
"""Blocks of sound that are made beforehand: a second, again and again."""

LIMIT = 0.004
"""Cores that the mix may take, whatever the level."""

Sound = NDArray[np.float32]
Runs = dict[str, list[float]]


def voices(speaking: int, level: float) -> Sound:
    """Noise with the rhythm of syllables, everybody in their own; one row each, stereo."""
    chance = np.random.default_rng(1)
    at = np.arange(LAP * BLOCK) / RATE
    swell = np.stack(
        [np.clip(np.sin(2 * np.pi * (4 * at + n / VOICES)) + 0.5, 0, 1) for n in range(VOICES)]
    )
    noise = chance.standard_normal((VOICES, LAP * BLOCK, 2)) * level
    noise[speaking:] = 0.0
    return (noise * swell[:, :, None]).clip(-1, 1).astype(np.float32)


def clocked(job: Callable[[int], None], prepare: Callable[[int], None], seconds: int) -> float:
    """CPU seconds of this process for one second of `job`, block by block."""
    cpu = 0.0
    for block in range(seconds * RATE // BLOCK):
        prepare(block)
        before = time.process_time()
        job(block)
        cpu += time.process_time() - before
    return cpu / seconds


def mix(sound: Sound, listeners: int, seconds: int) -> tuple[float, float]:
    """Ours, and what the readers' threads spend on laying down the samples."""
    mixer, people = SoundMixer(), [Voice() for _ in range(VOICES)]
    own = {f"p{n}": [voice] for n, voice in enumerate(people)}
    mixer.direct(people, people, own)
    listening = frozenset(list(own)[:listeners])
    laid = 0.0

    def lay(block: int) -> None:
        """Three blocks ahead, as readers are."""
        nonlocal laid
        ahead = [block + 3] if block else range(4)
        before = time.process_time()
        for each in ahead:
            part = sound[:, each % LAP * BLOCK : (each % LAP + 1) * BLOCK]
            for n, voice in enumerate(people):
                voice.write(each * BLOCK, part[n, :, 0], part[n, :, 1])
        laid += time.process_time() - before

    def take(block: int) -> None:
        mixer.mix(block * BLOCK, listening)

    return clocked(take, lay, seconds), laid / seconds


def peer(sound: Sound, seconds: int) -> float:
    """libavfilter in this process, one thread; frames are made beforehand."""
    graph = av.filter.Graph()
    graph.threads = 1
    inputs: list[FilterContext] = [
        graph.add_abuffer(format="flt", sample_rate=RATE, layout="stereo") for _ in range(VOICES)
    ]
    amix = graph.add("amix", f"inputs={VOICES}:normalize=0")
    limiter = graph.add("alimiter", "limit=0.89:level=0")
    sink = graph.add("abuffersink")
    for n, one in enumerate(inputs):
        one.link_to(amix, 0, n)
    amix.link_to(limiter)
    limiter.link_to(sink)
    graph.configure()
    frames: list[list[av.AudioFrame]] = [[] for _ in range(LAP)]
    for block in range(LAP):
        for n in range(VOICES):
            part = sound[n, block * BLOCK : (block + 1) * BLOCK]
            frame = av.AudioFrame.from_ndarray(part.reshape(1, -1).copy(), "flt", "stereo")
            frame.sample_rate = RATE
            frames[block].append(frame)

    def stamp(block: int) -> None:
        for frame in frames[block % LAP]:
            frame.pts = block * BLOCK

    def take(block: int) -> None:
        for one, frame in zip(inputs, frames[block % LAP], strict=True):
            one.push(frame)
        while True:
            try:
                sink.pull()
            except av.error.BlockingIOError:
                return

    return clocked(take, stamp, seconds)


def measure(runs: int, seconds: int) -> Runs:
    """CPU seconds per second of sound, by what was done, run by run."""
    found: Runs = {}
    for _ in range(runs):
        for name, case in CASES.items():
            sound = voices(*case)
            full, laid = mix(sound, 0, seconds)
            private, _ = mix(sound, VOICES, seconds)
            costs = {"mix": full, "mix and 25 N-1": private, "amix, alimiter": peer(sound, seconds)}
            for what, cost in {**costs, "laying down": laid}.items():
                found.setdefault(f"{what}: {name}", []).append(cost)
    return found


def ratios(found: Runs) -> dict[str, float]:
    """Of the worst level."""
    return {
        "mix_over_limit": _worst(found, "mix") / LIMIT,
        "n_minus_1_over_limit": _worst(found, "mix and 25 N-1") / LIMIT,
        "mix_over_amix": max(_over(found, "mix")),
        "n_minus_1_over_amix": max(_over(found, "mix and 25 N-1")),
    }


def _worst(found: Runs, what: str) -> float:
    return max(middle(found[f"{what}: {name}"]) for name in CASES)


def _over(found: Runs, what: str) -> list[float]:
    return [
        middle(found[f"{what}: {name}"]) / middle(found[f"amix, alimiter: {name}"])
        for name in CASES
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sound", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20, help="of sound in each measurement")
    options = parser.parse_args()
    found = measure(options.runs, options.seconds)
    print(f"CPU seconds per second of sound, {VOICES} voices, 48 kHz stereo; {machine()}")
    rows = [
        [what, f"{middle(costs):.4f}", spread(costs), str(len(costs))]
        for what, costs in sorted(found.items())
    ]
    print(table(["what", "median", "range", "runs"], rows))
    figures = {what: round(middle(costs), 5) for what, costs in found.items()}
    print(closing_line("sound", ratios(found), figures))


if __name__ == "__main__":
    main()
