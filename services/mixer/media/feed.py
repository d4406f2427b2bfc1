"""One feed: a scene, a compositor, and the link to those who take it."""

import math
from collections.abc import Mapping, Sequence

from kit.link import CREDITS, FeedWriter, Format
from proto.media import FeedSpec
from services.mixer.core.scene import Scene, SourceId
from services.mixer.media.cards import Cards
from services.mixer.media.compositor import Compositor
from services.mixer.media.overlays import Stamp
from services.mixer.media.picture import Picture
from services.mixer.media.voice import BLOCK, RATE
from services.mixer.theme import Theme

LATE_PICTURES = CREDITS
"""Whole pictures by which rendering may be behind before some are left out: so many can be made
up for in a row, as a taker can hold no more."""


class Feed:
    """Pictures are numbered from the mix's epoch: number n is shown at n/fps."""

    def __init__(self, spec: FeedSpec, epoch_ns: int, cards: Cards) -> None:
        self.spec = spec
        format = Format(spec.width, spec.height, spec.fps, rate=RATE, block=BLOCK)
        self.writer = FeedWriter(format, epoch_ns=epoch_ns)
        self.scene: Scene | None = None
        self.outlook = 0
        "Which state of the mix the scene was made from."
        self.pictures = 0
        "That were rendered."
        self.late = 0
        "That were left out."
        self.idle_since: float | None = 0.0
        "Since when nobody takes it, in seconds of the mix."
        self._compositor = Compositor(cards)
        self._next: int | None = None

    def due(self, now: float) -> int | None:
        """The number of the picture to render now, if one is due."""
        newest = math.floor(now * self.spec.fps + 1e-6)
        if self._next is None:
            self._next = newest
        if newest < self._next:
            return None
        if newest - self._next > LATE_PICTURES:
            self.late += newest - self._next
            self._next = newest
        return self._next

    def render(
        self,
        n: int,
        scene: Scene,
        pictures: Mapping[SourceId, Picture],
        stamps: Sequence[Stamp],
        theme: Theme,
    ) -> None:
        self._next = n + 1
        if (free := self.writer.begin()) is None:
            return
        slot, canvas = free
        self._compositor.draw(slot, canvas, scene, pictures, stamps, theme)
        self.writer.picture(slot, n)
        self.pictures += 1

    def rest(self) -> None:
        """Nobody takes it: begin anew when somebody does."""
        self._next = None

    @property
    def next_at(self) -> float:
        """Seconds of the mix at which there is something to render."""
        return 0.0 if self._next is None else self._next / self.spec.fps
