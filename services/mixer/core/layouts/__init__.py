"""Where the places of a layout are: pure functions of layout, people and canvas to rectangles.

Every rectangle is even, so that its chroma is exact; none lies off the canvas; none overlaps
another but an inset. Sizes go by what a layout has room for, not by who is there, so that people
change size only where a row or a column more is needed. docs/layouts.md shows them all.
"""

from proto.layouts import DEFAULT, adaptive
from services.mixer.core.layouts.found import Places
from services.mixer.core.layouts.places import places
from services.mixer.core.layouts.rect import Rect, crops, even, fit, gap, inset, whole

__all__ = [
    "DEFAULT",
    "Places",
    "Rect",
    "adaptive",
    "crops",
    "even",
    "fit",
    "gap",
    "inset",
    "places",
    "whole",
]
