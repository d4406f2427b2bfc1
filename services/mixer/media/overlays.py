"""What lies over a finished picture, and goes again without a trace.

What is behind is kept, and put back before anything of it is drawn anew.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from services.mixer.core.layouts import Rect
from services.mixer.media.planes import Plane, Planes, cut

Weights = npt.NDArray[np.uint16]
ThreeWeights = tuple[Weights, Weights, Weights]


class Stamp:
    """A half transparent picture in its place; the same one is equal to itself alone."""

    __slots__ = ("_over", "_through", "rect")

    def __init__(self, rect: Rect, over: ThreeWeights, through: ThreeWeights) -> None:
        self.rect = rect
        self._over = over
        "Y, U and V, multiplied by their opacity, of 256."
        self._through = through
        "How much of what is behind comes through, of 256."

    def blend(self, target: Planes) -> None:
        for plane, over, through in zip(target, self._over, self._through, strict=True):
            plane[:] = (plane * through + over) >> 8


class Overlays:
    """Those of one canvas."""

    def __init__(self, canvas: Planes) -> None:
        self._canvas = canvas
        self._laid: list[tuple[Stamp, Planes, tuple[Plane, ...]]] = []
        "With their places, and what was there before."

    def lift(self, rect: Rect) -> None:
        """Something is about to be drawn there."""
        if any(stamp.rect.overlaps(rect) for stamp, _, _ in self._laid):
            self._lift_all()

    def lay(self, stamps: Sequence[Stamp]) -> bool:
        """Show these and no others; whether that took anything."""
        if len(stamps) == len(self._laid) and all(
            stamp is laid for stamp, (laid, _, _) in zip(stamps, self._laid, strict=True)
        ):
            return False
        self._lift_all()
        for stamp in stamps:
            place = cut(self._canvas, stamp.rect)
            self._laid.append((stamp, place, tuple(plane.copy() for plane in place)))
            stamp.blend(place)
        return True

    def behind(self, rect: Rect, canvas: Planes) -> None:
        """Put what is behind these into another canvas like this one, as far as it is in `rect`."""
        for stamp, _, before in reversed(self._laid):
            part = stamp.rect.common(rect)
            if part is not None:
                inner = Rect(part.x - stamp.rect.x, part.y - stamp.rect.y, part.width, part.height)
                y, u, v = before
                for plane, kept in zip(cut(canvas, part), cut((y, u, v), inner), strict=True):
                    plane[:] = kept

    def _lift_all(self) -> None:
        # Backwards: one that lies on another has kept that.
        for _, place, before in reversed(self._laid):
            for plane, kept in zip(place, before, strict=True):
                plane[:] = kept
        self._laid.clear()
