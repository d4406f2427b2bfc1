"""A source as a mix sees it: opened, looked at and listened to at the mix's pace."""

import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from proto.mixer import SourceState
from services.mixer.media.source import UrlSource
from services.mixer.media.voice import BLOCK, RATE, Bank

FPS = 30
PATIENCE = 10.0
"""Seconds that a change of state may take on a busy machine."""


class Mix:
    """A clock that starts now, and what a source has reported since."""

    def __init__(self) -> None:
        self._epoch = time.monotonic()
        self.bank = Bank()
        self.states: list[tuple[SourceState, str]] = []
        self._changed = threading.Condition()

    def now(self) -> float:
        return time.monotonic() - self._epoch

    def report(self, state: SourceState, reason: str) -> None:
        with self._changed:
            self.states.append((state, reason))
            self._changed.notify_all()

    def names(self) -> list[SourceState]:
        return [state for state, _ in self.states]

    def wait(self, state: SourceState, times: int = 1) -> None:
        with self._changed:
            reached = self._changed.wait_for(lambda: self.names().count(state) >= times, PATIENCE)
        assert reached, f"no {state} in {self.states}"


class Seen(msgspec.Struct):
    times: list[float]
    luma: list[float]
    serials: list[int]
    sound: npt.NDArray[np.float32]
    sound_from: float


def mixed(source: UrlSource, mix: Mix, seconds: float) -> Seen:
    """Take pictures and sound as an engine does."""
    start = int(mix.now() * FPS) + 1
    bank = mix.bank
    bank.adopt(source.voice)
    seen = Seen([], [], [], np.zeros(0, np.float32), 0.0)
    block = int(mix.now() * RATE / BLOCK)
    seen.sound_from, parts = block * BLOCK / RATE, []
    for n in range(start, start + round(seconds * FPS)):
        time.sleep(max(n / FPS - mix.now(), 0))
        picture = source.picture((n + 0.5) / FPS)
        source.check(mix.now())
        if picture is not None:
            seen.times.append(n / FPS)
            seen.luma.append(float(picture.planes[0].mean()))
            seen.serials.append(picture.serial)
        while (block + 1) * BLOCK / RATE <= mix.now():
            with bank.block(block * BLOCK) as voices:
                parts.append(voices[source.voice.row, ::2].copy())
            block += 1
    seen.sound = np.concatenate(parts)
    return seen


Open = Callable[[str], tuple[UrlSource, Mix]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens sources, visible, and closes them again."""
    sources: list[UrlSource] = []

    def open_source(url: str) -> tuple[UrlSource, Mix]:
        mix = Mix()
        source = UrlSource(url, mix.now, mix.report)
        sources.append(source)
        source.show(True)
        return source, mix

    yield open_source
    for source in sources:
        source.close()
    for source in sources:
        source.join(PATIENCE)
