"""The mix of all voices, each brought to the same loudness, kept below full scale without
distorting or pumping; and for those who take part, the same without their own voice.

It is added up once: what a participant hears is the sum less what they say themselves.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np

from services.mixer.core import stage
from services.mixer.media.levels import Levels
from services.mixer.media.limiter import RISE, Limiter, Line, ramp
from services.mixer.media.minus import FULL_SCALE, MixMinus, Sound
from services.mixer.media.prompts import Announcer
from services.mixer.media.voice import BLOCK, Bank, Matrix, Voice

SAME = 1e-5
"""Gains that differ by less are equal: -100 dB."""


class Mixed(msgspec.Struct, frozen=True, eq=False):
    """One block, 20 ms older than what was taken last."""

    full: Sound
    private: Mapping[str, Sound]
    "For each listener, without what they say."
    news: bool
    "There is something new to be known of the voices."


class SoundMixer:
    """It looks one block ahead, so that the gain is down before a loud one begins; what comes out
    is therefore one block older than what went in."""

    def __init__(self) -> None:
        self.announcer = Announcer()
        self._bank = Bank()
        self._own: Mapping[str, Sequence[Voice]] = {}
        self._voices: list[Matrix] = []
        "Each voice as it goes into the sum, of this block and the one before."
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

    def mix(self, first: int, listeners: Collection[str] = ()) -> Mixed:
        """Take the block that begins at sample `first`; returns the one before it."""
        voices = self._voices.pop(0)
        self._voices.append(voices)
        before, self._total = self._total, self._add_up(voices, first)
        if news := self._levels.full:
            self._levels.hear()
        rows = {who: self._rows(who) for who in listeners}
        private = self._minus.mix(self._total, voices, rows, self.announcer.block())
        gain = ramp(*self._limiter.next(self._total)) * np.float32(FULL_SCALE)
        full = (before * gain).astype(np.int16).reshape(BLOCK, 2)
        return Mixed(full, private, news)

    def heard(self, voice: Voice) -> stage.Voice | None:
        """What a voice was like in the last tenth of a second; None: it is not mixed."""
        return self._levels.heard(voice.row) if voice.row >= 0 else None

    def _add_up(self, voices: Matrix, first: int) -> Line:
        """Put each voice as it is to be heard into `voices`; returns their sum."""
        bank = self._bank
        for row in bank.leaving:
            self._audible[row] = False
        with bank.block(first) as raw:
            used = len(raw)
            self._levels.block(np.vecdot(raw, raw) / np.float32(BLOCK * 2))
            # Who has no next block in hand fades now: in the next it would be too late.
            there = self._audible[:used] & (bank.ends[:used] >= first + 2 * BLOCK)
            before, after = self._gain[:used], self._levels.gain[:used] * there
            change = after - before
            np.multiply(raw, before[:, None], out=voices[:used])
            moved = (np.abs(change) > SAME).nonzero()[0]
            if moved.size:
                voices[moved] += raw[moved] * (change[moved, None] * RISE)
            self._gain[:used] = after
        for row in [row for row in bank.leaving if self._gain[row] == 0.0]:
            bank.release(row)
        total: Line = voices[:used].sum(axis=0)
        return total

    def _rows(self, who: str) -> list[int]:
        return [voice.row for voice in self._own.get(who, ()) if voice.row >= 0]

    def _fit(self) -> None:
        """Have room for as many voices as the bank."""
        rows = len(self._bank.voices)
        if (more := rows - len(self._gain)) > 0:
            self._levels.fit(rows)
            self._audible = np.concatenate([self._audible, np.zeros(more, bool)])
            self._gain = np.concatenate([self._gain, np.zeros(more, np.float32)])
            self._voices = [np.zeros((rows, BLOCK * 2), np.float32) for _ in range(2)]
