"""A mixer that shows the same seconds of a conference again and again, drawn beforehand:
`python -m bench.loop SOCKET CASE CLIP...` serves the feed until killed."""

import sys
import time
from pathlib import Path

import numpy as np

from bench.inputs import CASES, FPS
from bench.reference import Canvas, canvases
from kit.link import FeedServer, FeedWriter, Format

SECONDS = 2
"""Of pictures: a group of them, so that each is encoded alike; 280 MB in full HD."""

HUM = 0.1
"""Of full scale; a tone and a little noise, for AAC to have something to do."""


def show(path: Path, pictures: list[Canvas], format: Format) -> None:
    """Offer the pictures, one each frame, and sound to them."""
    epoch = time.monotonic_ns()
    writer = FeedWriter(format, epoch_ns=epoch)
    server = FeedServer(path, lambda _: writer)
    print("ready", flush=True)
    sounds, n, sounded = _sounds(format), 0, 0
    try:
        while True:
            time.sleep(max(0.0, epoch / 1e9 + n / format.fps - time.monotonic()))
            if writer.takers and (draw := writer.begin()) is not None:
                slot, canvas = draw
                canvas[:] = pictures[n % len(pictures)]
                writer.picture(slot, n)
            upto = (n + 1) * format.rate // format.fps // format.block
            for m in range(sounded, upto):
                writer.sound(m, sounds[m % len(sounds)])
            n, sounded = n + 1, upto
    finally:
        server.close()


def _sounds(format: Format) -> list[np.ndarray[tuple[int, ...], np.dtype[np.int16]]]:
    times = np.arange(format.rate) / format.rate
    wave = np.sin(2 * np.pi * 220 * times) + np.random.default_rng(1).normal(0, 0.3, len(times))
    stereo = np.repeat((wave * HUM * 32_767).astype(np.int16)[:, None], format.channels, axis=1)
    return [stereo[at : at + format.block] for at in range(0, format.rate, format.block)]


def main() -> None:
    path, name, clips = Path(sys.argv[1]), sys.argv[2], [Path(clip) for clip in sys.argv[3:]]
    case = next(case for case in CASES if case.name == name)
    show(path, canvases(clips, case, SECONDS * FPS), Format(case.width, case.height, FPS))


if __name__ == "__main__":
    main()
