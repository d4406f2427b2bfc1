"""Where indicators lie on the canvas: a disc with an icon, out of which a text slides.

In adaptive layouts they are a row at the top, in the middle; in others a column to the right of the
main picture, whose texts slide out to the left. Every rectangle is even.
"""

from collections.abc import Mapping, Sequence

import msgspec

from proto.layouts import adaptive
from proto.theme import IndicatorKind
from services.mixer.core.indicators import Indicator
from services.mixer.core.layouts import Rect, even, gap, whole
from services.mixer.core.scene import Scene

LEAST = 16
"""Pixels of a disc; in a smaller one nobody knows an icon."""


class Pill(msgspec.Struct, frozen=True):
    """An indicator in its place."""

    kind: IndicatorKind
    rect: Rect
    opacity: float
    leftwards: bool
    "The text is to the left of the icon."


def disc(size: float, width: int, height: int) -> int:
    """Pixels across an icon's disc, for a part of the canvas's shorter side."""
    return max(even(round(size * min(width, height))), LEAST)


def pills(
    shown: Sequence[Indicator], lengths: Mapping[IndicatorKind, int], scene: Scene, size: int
) -> tuple[Pill, ...]:
    """Places on a scene for discs of `size`; `lengths` are of pills with all of their text."""
    place = _row if adaptive(scene.view) else _column
    return place(shown, lengths, scene, size)


def _row(
    shown: Sequence[Indicator], lengths: Mapping[IndicatorKind, int], scene: Scene, size: int
) -> tuple[Pill, ...]:
    """In the middle however long they are; one that comes pushes the others aside by and by."""
    space = gap(scene.width, scene.height)
    room = scene.width - 2 * space - len(shown) * (size + space)
    texts = sum(lengths[one.kind] - size for one in shown)
    share = min(max(room, 0) / texts, 1.0) if texts > 0 else 1.0
    widths = [size + even(int((lengths[one.kind] - size) * share * one.out)) for one in shown]
    steps = [(wide + space) * one.room for wide, one in zip(widths, shown, strict=True)]
    x = (scene.width - sum(steps) + space) / 2
    found = []
    for one, wide, step in zip(shown, widths, steps, strict=True):
        left = min(max(even(round(x)), 0), even(scene.width - wide))
        rect = Rect(left, space, wide, size)
        found.append(Pill(one.kind, rect, one.opacity, leftwards=False))
        x += step
    return _seen(found, scene)


def _column(
    shown: Sequence[Indicator], lengths: Mapping[IndicatorKind, int], scene: Scene, size: int
) -> tuple[Pill, ...]:
    """The icons below each other: beside the main picture where nothing is, or in its corner."""
    space = gap(scene.width, scene.height)
    main = _main(scene)
    beside = Rect(main.right, main.y, scene.width - main.right, main.height)
    if beside.width >= size + space and not any(t.rect.overlaps(beside) for t in scene.tiles):
        right, y = even(main.right + (beside.width + size) // 2), float(max(main.y, space))
    else:
        right, y = main.right - space, float(main.y + space)
    for rect in _insets(scene):
        if rect.x < right and right - size < rect.right and rect.y < y + size:
            right, y = min(right, rect.right), rect.bottom + space
    found = []
    for one in shown:
        length = min(lengths[one.kind], even(right - space))
        wide = size + even(int((length - size) * one.out))
        rect = Rect(right - wide, even(round(y)), wide, size)
        found.append(Pill(one.kind, rect, one.opacity, leftwards=True))
        y += (size + space) * one.room
    return _seen(found, scene)


def _main(scene: Scene) -> Rect:
    """The one large picture; everything, where there is none or more than one."""
    kinds = [slot.kind for slot in scene.slots]
    large = [kind for kind in kinds if kind in ("main", "presentation")]
    if len(large) == 1 and kinds[0] == large[0] and scene.tiles:
        return scene.tiles[0].rect
    return whole(scene.width, scene.height)


def _insets(scene: Scene) -> list[Rect]:
    pairs = zip(scene.slots, scene.tiles, strict=False)
    return [tile.rect for slot, tile in pairs if slot.kind == "inset"]


def _seen(found: Sequence[Pill], scene: Scene) -> tuple[Pill, ...]:
    """Those that can be seen, and fit on the canvas, which may be a very small one."""
    canvas = whole(scene.width, scene.height)
    return tuple(
        pill
        for pill in found
        if pill.opacity
        and pill.rect.x >= 0
        and pill.rect.right <= canvas.width
        and pill.rect.bottom <= canvas.height
    )
