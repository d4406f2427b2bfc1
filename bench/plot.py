"""A line plot as an SVG, with axes that begin at nothing."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import msgspec

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 200, 56, 56
"""Pixels around the drawing; on the right the lines' names."""

COLOURS = ("#1f6feb", "#d9480f", "#2b8a3e", "#862e9c")

STEPS = (1, 2, 2.5, 5, 10)
"""What a tick may be a power of ten of."""

TICKS = 6
"""At most."""

APART = 16
"""Pixels between the names of two lines that end near each other."""


class Point(msgspec.Struct, frozen=True):
    """What was measured at `x`: the middle, and the least and most of the runs."""

    x: float
    middle: float
    least: float
    most: float


def plot(title: str, across: str, up: str, note: str, series: Mapping[str, Sequence[Point]]) -> str:
    """The lines by their names; `across` and `up` say what the axes are, with units."""
    points = [point for line in series.values() for point in line]
    drawing = _Drawing(max(p.x for p in points), max(p.most for p in points))
    parts = [_text(LEFT, 24, title, size=16, weight=600), _text(LEFT, 42, note, colour="#666")]
    parts += drawing.axes(across, up)
    ends: list[tuple[float, str, str]] = []
    for colour, (name, line) in zip(COLOURS, series.items(), strict=False):
        parts += drawing.line(line, colour)
        ends.append((drawing.y(line[-1].middle), name, colour))
    parts += _names(ends)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


class _Drawing:
    """From figures to pixels."""

    def __init__(self, x_most: float, y_most: float) -> None:
        self._x_step, self._y_step = step(x_most), step(y_most)
        self._x_end = math.ceil(x_most / self._x_step) * self._x_step
        self._y_end = math.ceil(y_most / self._y_step) * self._y_step

    def x(self, value: float) -> float:
        return LEFT + value / self._x_end * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self._y_end * (HEIGHT - TOP - BOTTOM)

    def axes(self, across: str, up: str) -> list[str]:
        parts = []
        for n in range(round(self._y_end / self._y_step) + 1):
            value = n * self._y_step
            y = self.y(value)
            parts.append(_rule(LEFT, y, self.x(self._x_end), y, "#333" if n == 0 else "#ddd"))
            parts.append(_text(LEFT - 8, y + 4, f"{value:g}", anchor="end"))
        for n in range(round(self._x_end / self._x_step) + 1):
            value = n * self._x_step
            parts.append(_text(self.x(value), HEIGHT - BOTTOM + 18, f"{value:g}", anchor="middle"))
        middle = (LEFT + self.x(self._x_end)) / 2
        parts.append(_text(middle, HEIGHT - 14, across, anchor="middle"))
        turned = f'transform="rotate(-90 16 {HEIGHT / 2})"'
        parts.append(_text(16, HEIGHT / 2, up, anchor="middle", more=turned))
        return parts

    def line(self, points: Sequence[Point], colour: str) -> list[str]:
        """Through the middles; a bar from the least to the most of each."""
        path = " ".join(f"{self.x(p.x):.1f},{self.y(p.middle):.1f}" for p in points)
        parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
        for p in points:
            x = self.x(p.x)
            parts.append(_rule(x, self.y(p.least), x, self.y(p.most), colour))
            parts.append(
                f'<circle cx="{x:.1f}" cy="{self.y(p.middle):.1f}" r="3" fill="{colour}"/>'
            )
        return parts


def step(most: float) -> float:
    """The least round distance of ticks, of which few enough reach to `most`."""
    power = 10.0 ** math.floor(math.log10(most / TICKS))
    return next(power * one for one in STEPS if power * one * TICKS >= most)


def _names(ends: list[tuple[float, str, str]]) -> list[str]:
    parts, before = [], -math.inf
    for y, name, colour in sorted(ends):
        y = max(y, before + APART)
        parts.append(_text(WIDTH - RIGHT + 10, y + 4, name, colour=colour))
        before = y
    return parts


def _rule(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    weight: int = 400,
    colour: str = "#222",
    more: str = "",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}" fill="{colour}" {more}>{escape(text)}</text>'
    )
