"""Writes services/gateway/core/layout_table.py: `python -m tests.support.layout_table`."""

from pathlib import Path

from proto.layouts import ALL
from services.mixer.core.layouts import places

WIDTH, HEIGHT = 320, 180

CROWD = 40
"""People; no layout has places for more."""

FILE = Path(__file__).parents[2] / "services" / "gateway" / "core" / "layout_table.py"

HEAD = f'''"""Where the places of each layout are when all are taken, on {WIDTH} by {HEIGHT}.

Made by `python -m tests.support.layout_table`: only the mixer works places out.
"""

WIDTH, HEIGHT = {WIDTH}, {HEIGHT}

Box = tuple[int, int, int, int]
"""Left, top, width and height."""

BOXES: dict[str, tuple[Box, ...]] = {{
'''


def boxes(name: str) -> tuple[tuple[int, int, int, int], ...]:
    found = places(name, CROWD, WIDTH, HEIGHT)
    return tuple((r.x, r.y, r.width, r.height) for r in (*found.mains, *found.pips))


def main() -> None:
    rows = [
        f'    "{one.client}": (\n'
        + "".join(f"        {box},\n" for box in boxes(one.client))
        + "    ),\n"
        for one in ALL
    ]
    FILE.write_text(f"{HEAD}{''.join(rows)}}}\n")


if __name__ == "__main__":
    main()
