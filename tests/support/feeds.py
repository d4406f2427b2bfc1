"""A mixer made of paper: a feed of flashes and beeps, in its own process if it is to be killed.

Picture n is white and block m beeps during the first tenth of each second of the mix, so sound and
picture can be compared; otherwise the picture is a flat colour with a moving bar, the sound silent.
`python -m tests.support.feeds SOCKET WIDTH HEIGHT FPS [Y]` serves it until killed.
"""

import sys
import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.link import FeedServer, FeedWriter, Format

FLASH = 0.1
"""Seconds of flash and beep in each second."""
BEEP_HZ = 1000
LEVEL = 16_000
"""Peak of the beep; half of full scale."""


class PaperFeed:
    """Renders in real time while somebody takes it."""

    def __init__(self, path: Path, format: Format, luma: int = 90) -> None:
        self.format = format
        self.luma = luma
        self.epoch_ns = time.monotonic_ns()
        self.writer = FeedWriter(format, epoch_ns=self.epoch_ns)
        self.hellos: list[bytes] = []
        self._server = FeedServer(path, self._open)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self._server.close()
        self.writer.close()

    def _open(self, hello: bytes) -> FeedWriter:
        self.hellos.append(hello)
        return self.writer

    def _run(self) -> None:
        fps, sounded = self.format.fps, 0
        n = 0
        while not self._ending.is_set():
            wait = self.epoch_ns / 1e9 + n / fps - time.monotonic()
            if wait > 0 and self._ending.wait(wait):
                return
            if self.writer.takers:
                draw = self.writer.begin()
                if draw is not None:
                    slot, canvas = draw
                    paint(canvas, self.format, n, self.luma)
                    self.writer.picture(slot, n)
            upto = (n + 1) * self.format.rate // fps // self.format.block
            for m in range(sounded, upto):
                self.writer.sound(m, beep(self.format, m))
            n, sounded = n + 1, upto


def flashing(seconds: float) -> bool:
    return seconds % 1.0 < FLASH - 1e-9


def paint(canvas: npt.NDArray[np.uint8], format: Format, n: int, luma: int) -> None:
    luma = 235 if flashing(n / format.fps) else luma
    canvas[: format.height] = luma
    canvas[format.height :] = 128
    bar = n * 4 % (format.width - 16)
    canvas[format.height * 3 // 4 : format.height, bar : bar + 16] = 60


def beep(format: Format, m: int) -> npt.NDArray[np.int16]:
    times = (m * format.block + np.arange(format.block)) / format.rate
    wave = LEVEL * np.sin(2 * np.pi * BEEP_HZ * times) * (times % 1.0 < FLASH)
    return np.repeat(wave.astype(np.int16)[:, None], format.channels, axis=1)


if __name__ == "__main__":
    socket_path, width, height, fps = sys.argv[1], *map(int, sys.argv[2:5])
    PaperFeed(Path(socket_path), Format(width, height, fps), *map(int, sys.argv[5:6]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()
