"""The mix of all voices, each brought to the same loudness, kept below full scale without
distorting or pumping; and for those who take part, the same without their own voice.

It is added up once: what a participant hears is the sum less what they say themselves.
"""

from collections.abc import Collection, Mapping, Sequence, Set

import msgspec
import numpy as np
import numpy.typing as npt

from services.mixer.core import stage
from services.mixer.media.levels import Levels
from services.mixer.media.limiter import RISE, Limiter, Line, ramp
from services.mixer.media.minus import FULL_SCALE, NOBODY, MixMinus, Own, Sound
from services.mixer.media.prompts import Announcer
from services.mixer.media.voice import BLOCK, Bank, Matrix, Voice

SILENT = 1e-7
"""Power, -70 dB, below which nobody has to be kept from hearing themselves."""

NONE = np.zeros(0, np.int64)

Flags = npt.NDArray[np.bool_]

SAME = 1e-5
"""Gains that differ by less are equal: -100 dB."""


class Mixed(msgspec.Struct, frozen=True, eq=False):
    """One block, 20 ms older than what was taken last."""

    full: Sound
    private: Mapping[str, Sound]
    "For each listener, without what they say."
    news: bool
    "There is something new to be known of the voices."


class Seats(msgspec.Struct, frozen=True, eq=False):
    """Those who listen, and where their voices lie."""

    listeners: Set[str] = frozenset()
    names: list[str] = []
    "In the order of their first voices; who has none comes last."
    first: npt.NDArray[np.int64] = NONE
    "Of those voices, rising."
    more: list[tuple[int, int]] = []
    "Further voices: whose, and where."

    @classmethod
    def of(cls, listeners: Set[str], own: Mapping[str, Sequence[Voice]]) -> "Seats":
        rows = {who: sorted(v.row for v in own.get(who, ()) if v.row >= 0) for who in listeners}
        names = sorted(rows, key=lambda who: (not rows[who], rows[who]))
        first = np.array([rows[who][0] for who in names if rows[who]], np.int64)
        more = [(seat, row) for seat, who in enumerate(names) for row in rows[who][1:]]
        return cls(frozenset(listeners), names, first, more)

    def without(self, places: Collection[int]) -> list[str]:
        return [who for seat, who in enumerate(self.names) if seat not in places]


class SoundMixer:
    """It looks one block ahead, so that the gain is down before a loud one begins; what comes out
    is therefore one block older than what went in."""

    def __init__(self) -> None:
        self.announcer = Announcer()
        self._bank = Bank()
        self._own: Mapping[str, Sequence[Voice]] = {}
        self._seats = Seats()
        self._said = NOBODY
        "What each listener put into the sum."
        self._buffers: list[Matrix] = [np.zeros((0, BLOCK * 2), np.float32)] * 2
        "For that, of the block before and of this one."
        self._total: Line = np.zeros(BLOCK * 2, np.float32)
        self._limiter, self._minus = Limiter(), MixMinus()
        self._levels = Levels(0)
        self._audible = np.zeros(0, bool)
        self._gain = np.zeros(0, np.float32)
        self._fit()

    def direct(
        self,
        voices: Collection[Voice],
        heard: Collection[Voice],
        own: Mapping[str, Sequence[Voice]],
    ) -> None:
        """From now on these voices are there, these of them are heard, and these belong to one."""
        for voice in voices:
            if self._bank.adopt(voice):
                self._fit()
                self._levels.reset(voice.row)
                self._gain[voice.row] = 0.0
        self._audible[:] = False
        self._audible[[voice.row for voice in heard if voice.row >= 0]] = True
        self._own = own
        self._seats = Seats()

    def mix(self, first: int, listeners: Set[str] = frozenset()) -> Mixed:
        """Take the block that begins at sample `first`; returns the one before it."""
        if listeners != self._seats.listeners:
            self._seats = Seats.of(listeners, self._own)
        before, self._total = self._total, self._add_up(first)
        if news := self._levels.full:
            self._levels.hear()
        private = self._minus.mix(self._total, self._said, self.announcer.block())
        gain = ramp(*self._limiter.next(self._total)) * np.float32(FULL_SCALE)
        full = (before * gain).astype(np.int16).reshape(BLOCK, 2)
        return Mixed(full, private, news)

    def heard(self, voice: Voice) -> stage.Voice | None:
        """What a voice was like in the last tenth of a second; None: it is not mixed."""
        return self._levels.heard(voice.row) if voice.row >= 0 else None

    def voices(self) -> int:
        """How many have a place."""
        return sum(voice is not None for voice in self._bank.voices)

    def _add_up(self, first: int) -> Line:
        """The sum of a block; what each listener puts into it goes into a buffer."""
        bank = self._bank
        going = bank.going() if bank.leaving else []
        self._audible[going] = False
        with bank.block(first) as raw:
            used = len(raw)
            powers = np.vecdot(raw, raw) / np.float32(BLOCK * 2)
            self._levels.block(powers)
            # Who has no next block in hand fades now: in the next it would be too late.
            there = self._audible[:used] & (bank.ends[:used] >= first + 2 * BLOCK)
            gain, after = self._gain[:used], self._levels.gain[:used] * there
            change = after - gain
            change[np.abs(change) < SAME] = 0.0
            total: Line = gain @ raw
            moved = change.nonzero()[0]
            if moved.size:
                total += (change @ raw) * RISE
            loud = powers * np.maximum(gain, after) ** 2 > SILENT
            self._said = self._single_out(raw, gain, change, loud) if self._seats.names else NOBODY
            self._gain[:used] = np.where(change == 0.0, gain, after)
        for row in [row for row in going if self._gain[row] == 0.0]:
            bank.release(row)
            self._seats = Seats()
        return total

    def _single_out(self, raw: Matrix, gain: Line, change: Line, loud: Flags) -> Own:
        """What each listener says, as it goes into the sum."""
        seats, buffer = self._seats, self._buffers.pop(0)
        if len(buffer) < len(seats.names):
            buffer = np.zeros((2 * len(seats.names), BLOCK * 2), np.float32)
        self._buffers.append(buffer)
        speaks = loud[seats.first]
        for seat, row in seats.more:
            speaks[seat] |= loud[row]
        places = speaks.nonzero()[0].tolist()
        names = [seats.names[seat] for seat in places]
        silent = [] if len(names) == len(seats.names) else seats.without(places)
        rows = seats.first[places]
        own = buffer[: len(rows)]
        picked = raw if len(raw) == len(rows) else raw[rows]
        np.multiply(picked, gain[rows, None], out=own)
        moved = change[rows].nonzero()[0]
        if moved.size:
            own[moved] += picked[moved] * (change[rows[moved], None] * RISE)
        for seat, row in seats.more:
            if seat in places:
                own[places.index(seat)] += raw[row] * (gain[row] + change[row] * RISE)
        return Own(names, own, silent)

    def _fit(self) -> None:
        """Have room for as many voices as the bank."""
        rows = len(self._bank.voices)
        if (more := rows - len(self._gain)) > 0:
            self._levels.fit(rows)
            self._audible = np.concatenate([self._audible, np.zeros(more, bool)])
            self._gain = np.concatenate([self._gain, np.zeros(more, np.float32)])
