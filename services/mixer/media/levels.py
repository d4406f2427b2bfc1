"""How loud each voice is against its own room, and how loud it ought to be made.

All voices at once, a row each; what need not be decided per block is decided every tenth of a
second. A *voice* is what stands out from the noise floor of its own line, so that a fan is none.
"""

import numpy as np
import numpy.typing as npt

from services.mixer.core import stage
from services.mixer.media.voice import BLOCK, RATE

Row = npt.NDArray[np.float32]

LISTEN_BLOCKS = 5
"""Blocks between two decisions: a tenth of a second."""

ONSET_DB, OFFSET_DB = 9.0, 6.0
"""Above the noise floor a voice begins, and goes on: speech over a fan still has 10 dB."""

AUDIBLE_DB = -50.0
"""Below full scale: quieter than this nobody speaks to a conference."""

FLOOR_DB = (-70.0, -33.0)
"""Where a noise floor can be. What is steady and louder than the upper end is meant to be heard."""

FIRST_FLOOR_DB = -60.0
"""Of a line that has just come: a quiet office."""

FLOOR_RISE_DB = 0.4
"""Per decision, 4 dB a second: a fan that starts is known in some seconds, and between two pauses
of speech it goes up by no more than a decibel or two."""

STEADY_RISE_DB = 1.5
"""The same for what does not swell and fade as speech does: 15 dB a second."""

STEADY_DB, STEADY = 3.0, 5
"""Steady is what changes by less within a decision, so many decisions long: no vowel is."""

FLOOR_FALL = 0.5
"""Part of the way that the floor goes down per decision: a pause between words shows it."""

FULL_DB = 40.0
"""Above its floor a voice has the level 100: a headset in a quiet room."""

TARGET_DB = -20.0
"""Mean power that every voice is brought to; two at once still are far from the limiter."""

BOOST_DB, CUT_DB = 12.0, -12.0
"""Most that is added or taken: what needs more is a broken microphone."""

UP_DB, DOWN_DB = 0.4, 0.8
"""Per decision: 4 dB up or 8 dB down a second, which is heard as no change of voice."""

SPOKEN = 3
"""Decisions in a row with voice before the level is adjusted: a cough or a beep does not count."""

MEMORY = 0.1
"""Weight of the newest decision in a voice's mean power: a second of speech."""

HANGOVER = 25
"""Blocks after the last sound of a voice in which it keeps its boost: half a second of pause."""

CLOSING = 0.3
"""Part of a boost that goes per decision after that, so that the room is not pumped up."""

QUIET = np.float32(1e-12)
SHARE = np.float32(1 / LISTEN_BLOCKS)


class Levels:
    """For as many rows as a bank has."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._powers = np.zeros((LISTEN_BLOCKS, rows), np.float32)
        self._at = 0
        self._floor = np.full(rows, FIRST_FLOOR_DB, np.float32)
        self._voicing = np.zeros(rows, bool)
        self._count = np.zeros(rows, np.int64)
        "Blocks with voice, of those that the last decision was made from."
        self._spoken = np.zeros(rows, np.float32)
        "Mean power of those."
        self._run = np.zeros(rows, np.int64)
        self._steady = np.zeros(rows, np.int64)
        self._mean = np.zeros(rows, np.float32)
        self._agc_db = np.zeros(rows, np.float32)
        self._level = np.zeros(rows, np.float32)
        self._quiet = np.zeros(rows, np.int64)
        "Blocks since the voice was last heard."
        self._open = np.full(rows, 10 ** (AUDIBLE_DB / 10), np.float32)
        "Power from which a voice has its boost."
        self._boosted = np.ones(rows, np.float32)
        self._closed = np.ones(rows, np.float32)
        self.gain = np.ones(rows, np.float32)
        "By which each voice is to be multiplied now."

    def fit(self, rows: int) -> None:
        """Have room for more rows."""
        if rows > self._rows:
            more = Levels(rows - self._rows)
            for name, mine in vars(self).items():
                if isinstance(mine, np.ndarray):
                    setattr(self, name, np.concatenate([mine, getattr(more, name)], axis=-1))
            self._rows = rows

    def reset(self, row: int) -> None:
        """Another voice has the row."""
        fresh = Levels(1)
        for name, mine in vars(self).items():
            if isinstance(mine, np.ndarray):
                mine[..., row] = getattr(fresh, name)[..., 0]

    @property
    def full(self) -> bool:
        """It is time to `hear`."""
        return self._at == LISTEN_BLOCKS

    def block(self, powers: Row) -> None:
        """Take the mean powers of a block, of the rows in use."""
        used = len(powers)
        self._powers[self._at, :used] = powers
        heard = (powers > self._open[:used]).nonzero()[0]
        if heard.size:
            # At once: the first syllable is to be as loud as the rest.
            self._quiet[heard] = 0
            self.gain[heard] = self._boosted[heard]
        self._at += 1

    def hear(self) -> None:
        """Decide, from the blocks since the last time."""
        self._at = 0
        powers = self._powers
        decibels = 10 * np.log10(powers + QUIET)
        margin = np.where(self._voicing, np.float32(OFFSET_DB), np.float32(ONSET_DB))
        voiced = decibels > np.maximum(self._floor + margin, AUDIBLE_DB)
        self._count = voiced.sum(axis=0)
        self._voicing = voiced[-1]
        self._spoken = (powers * voiced).sum(axis=0) / np.maximum(self._count, 1)
        self._adjust(self._spoken)
        self._rate(10 * np.log10(powers.sum(axis=0) * SHARE + QUIET))
        self._learn(decibels.min(axis=0), decibels.max(axis=0))
        self._gate()

    def heard(self, row: int) -> stage.Voice:
        """What the last decision found."""
        return stage.Voice(
            float(self._count[row]) * BLOCK / RATE,
            float(self._spoken[row]),
            int(self._level[row]),
        )

    def _adjust(self, spoken: Row) -> None:
        """Bring voices that speak nearer to the target."""
        count = self._count
        self._run = np.where(count >= LISTEN_BLOCKS - 2, self._run + 1, self._run * (count > 0))
        speaks = self._run >= SPOKEN
        if not speaks.any():
            return
        weight = np.where(self._mean > 0, np.float32(MEMORY), np.float32(1))
        self._mean += np.where(speaks, (spoken - self._mean) * weight, 0)
        wanted = _between(TARGET_DB - 10 * np.log10(self._mean + QUIET), CUT_DB, BOOST_DB)
        step = _between(wanted - self._agc_db, -DOWN_DB, UP_DB)
        self._agc_db += np.where(speaks, step, 0)
        self._boosted = (10 ** (self._agc_db / 20)).astype(np.float32)
        self._closed = np.minimum(self._boosted, np.float32(1))

    def _rate(self, loud: Row) -> None:
        """0 to 100; it falls slower than it rises, as a meter does."""
        now = _between((loud - self._floor) * (100 / FULL_DB), 0, 100) * (self._count > 0)
        self._level = np.maximum(now, self._level * np.float32(0.6))

    def _learn(self, low: Row, high: Row) -> None:
        self._steady = (self._steady + 1) * (high - low < STEADY_DB)
        rise = np.where(self._steady >= STEADY, STEADY_RISE_DB, FLOOR_RISE_DB)
        falls = self._floor + (low - self._floor) * np.float32(FLOOR_FALL)
        rises = np.minimum(self._floor + rise, low)
        floor = np.where(low < self._floor, falls, rises)
        self._floor = _between(floor, *FLOOR_DB).astype(np.float32)
        threshold = np.maximum(self._floor + OFFSET_DB, AUDIBLE_DB)
        self._open = (10 ** (threshold / 10)).astype(np.float32)

    def _gate(self) -> None:
        self._quiet += LISTEN_BLOCKS
        shut = self._quiet > HANGOVER
        closing = self.gain + (self._closed - self.gain) * np.float32(CLOSING)
        self.gain = np.where(shut, closing, self._boosted)


def _between(values: Row, low: float, high: float) -> Row:
    """`np.clip`, at half its cost for a few values."""
    between: Row = np.minimum(np.maximum(values, low), high)
    return between
