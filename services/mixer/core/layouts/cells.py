"""A canvas in equal cells with equal gaps, of which some places take several."""

from services.mixer.core.layouts.rect import TALLEST, Rect, even, gap

WIDE = 1.9
"""A cell may be a little wider than 16:9, because gaps take more of a canvas's height than of its
width: a wide picture loses a sixteenth, and the cells fill the canvas."""


class Cells:
    def __init__(
        self,
        columns: int,
        rows: int,
        width: int,
        height: int,
        used_rows: int | None = None,
        *,
        space: int | None = None,
    ) -> None:
        """Room for `columns` and `rows`; `used_rows` of them stand in the middle of the canvas."""
        used = rows if used_rows is None else used_rows
        self.columns, self.space = columns, gap(width, height) if space is None else space
        wide = max(even((width - (columns + 1) * self.space) / columns), 2)
        high = max(even((height - (rows + 1) * self.space) / rows), 2)
        self.wide = max(min(wide, even(high * WIDE)), 2)
        self.high = max(min(high, even(self.wide / TALLEST)), 2)
        self._left = even((width - self._across(columns)) / 2)
        self._top = even((height - self._down(used)) / 2)

    def span(self, column: int, row: int, columns: int = 1, rows: int = 1) -> Rect:
        x = self._left + column * (self.wide + self.space)
        y = self._top + row * (self.high + self.space)
        return Rect(x, y, self._across(columns), self._down(rows))

    def centred(self, row: int, count: int, span: int = 1, rows: int = 1) -> list[Rect]:
        """So many places of `span` columns in the middle of a row."""
        wide, space = self._across(span), self.space
        needed = count * wide + (count - 1) * space
        left = self._left + even((self._across(self.columns) - needed) / 2)
        y = self.span(0, row).y
        high = self._down(rows)
        return [Rect(left + n * (wide + space), y, wide, high) for n in range(count)]

    def filled(self, row: int, count: int) -> list[Rect]:
        """Full rows from `row` on, and what is left over in the middle of the last."""
        rects: list[Rect] = []
        while count > 0:
            rects += self.centred(row, min(count, self.columns))
            row, count = row + 1, count - self.columns
        return rects

    def _across(self, columns: int) -> int:
        return columns * self.wide + (columns - 1) * self.space

    def _down(self, rows: int) -> int:
        return rows * self.high + (rows - 1) * self.space


def rows_of(count: int, columns: int) -> int:
    return -(-count // columns)
