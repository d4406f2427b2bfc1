"""Tokens of the client API: who somebody is in which conference, for how long. Nothing is kept of
them: whoever has the installation's key can tell whether one is true. What they may do is not in
them, since that changes while they hold."""

from collections.abc import Callable
from typing import Self

import msgspec

LIFETIME = 120
"""Seconds; a browser asks for a new one at a third of that."""

LONGEST = 512
"""Characters of a token that are looked at."""


class Ticket(msgspec.Struct, frozen=True):
    conference: str
    participant: str
    until: int
    "Seconds since 1970."

    @classmethod
    def issue(cls, conference: str, participant: str, now: float) -> Self:
        return cls(conference, participant, int(now) + LIFETIME)

    def text(self, sign: Callable[[str], str]) -> str:
        return f"{self._said()}.{sign(self._purpose())}"

    @classmethod
    def read(cls, text: str, is_signed: Callable[[str, str], bool], now: float) -> Self | None:
        """None: it is none of ours, or it has run out."""
        parts = text.split(".")
        if len(text) > LONGEST or len(parts) != 4 or not text.isascii():
            return None
        conference, participant, until, signature = parts
        if not until.isdecimal() or len(until) > 12:
            return None
        ticket = cls(conference, participant, int(until))
        if not is_signed(signature, ticket._purpose()):
            return None
        return ticket if now < ticket.until else None

    def _said(self) -> str:
        return f"{self.conference}.{self.participant}.{self.until}"

    def _purpose(self) -> str:
        return f"seat of {self._said()}"
