"""What is found: the places of a layout."""

import msgspec

from services.mixer.core.layouts.rect import Rect


class Places(msgspec.Struct, frozen=True):
    """Large places and small ones, each kind in the order in which it is filled."""

    mains: tuple[Rect, ...] = ()
    pips: tuple[Rect, ...] = ()
    presentation: Rect | None = None
    "Where a presentation is, if it has a place among the people."

    @property
    def main(self) -> Rect:
        return self.mains[0]

    @property
    def people(self) -> tuple[Rect, ...]:
        return self.mains + self.pips
