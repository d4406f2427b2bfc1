"""How a recording is called, when its next file begins, and which second a picture is of. Pure."""

from collections.abc import Callable
from datetime import datetime
from pathlib import PurePosixPath

import msgspec

from kit.urls import DEFAULT_NAME, MAX_RECORDING, SLIDES

SECOND = 1_000_000_000
"""Nanoseconds."""

LONGEST_STILL = 10.0
"""Seconds for which the first picture may stand for those that came before it, so that both halves
of a dual recording begin at the same moment. One that comes much later begins later."""


class Limits(msgspec.Struct, frozen=True):
    """How large a file may become."""

    seconds: float
    bytes: float


def named(template: str, conference: str, at: datetime, *, slides: bool = False) -> str:
    """A recording's name; files are called by it, so it stays short whatever is in it."""
    words = {
        "{conference}": conference,
        "{date}": f"{at:%Y-%m-%d}",
        "{time}": f"{at:%H-%M-%S}",
    }
    name = template or DEFAULT_NAME + (SLIDES if slides else "")
    for placeholder, word in words.items():
        name = name.replace(placeholder, word)
    return name[:MAX_RECORDING].rstrip(".")


def file_name(name: str, number: int) -> str:
    return f"{name}-{number:03}.mp4"


def numbers(files: list[str]) -> list[int]:
    """Of the parts that there are; files of other kinds have none."""
    stems = [PurePosixPath(file).stem for file in files if file.endswith(".mp4")]
    last = [stem.rpartition("-")[2] for stem in stems]
    return sorted(int(number) for number in last if number.isdecimal())


def is_due(limits: Limits, seconds: float, written: int, largest_group: int) -> bool:
    """Whether a new file has to begin at the key frame that comes after so much.

    Between two key frames it is too late: so one begins before the limit is reached.
    """
    return seconds >= limits.seconds or written + largest_group > limits.bytes


class TimeBase:
    """Pictures and samples of a session, in those of the recording.

    A recording's time is the mix's: where a session leaves something out, the picture before it
    stands, so that the halves of a dual recording stay together. It never goes back.
    """

    def __init__(self, moment: Callable[[int], int | None], fps: int, rate: int, zero: int) -> None:
        """`moment`: when a picture of the session was due in the mix; `zero`: second 0, there."""
        self._moment = moment
        self._fps = fps
        self._rate = rate
        self._zero = zero
        self._shift: int | None = None
        "Number of a picture in the recording, less its number in the session."

    def picture(self, milliseconds: int) -> int:
        """Number of the picture with that timestamp."""
        n = _nearest(milliseconds * self._fps, 1000)
        moment = self._moment(n)
        assert moment is not None, "a picture came before the first"
        shift = _nearest((moment - self._zero) * self._fps, SECOND) - n
        self._shift = shift if self._shift is None else max(self._shift, shift)
        return n + self._shift

    def sample(self, milliseconds: int, grain: int) -> int:
        """Number of the first sample of a packet of `grain` samples; needs a picture before it."""
        assert self._shift is not None
        at = _nearest(milliseconds * self._rate, 1000 * grain) * grain
        return at + _nearest(self._shift * self._rate, self._fps)


def _nearest(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
