"""`python -m tests.unit.mixer.golden`: accept the pictures as they are drawn now. Look at them!

`python -m tests.unit.mixer.golden FOLDER`: write what was accepted, what is drawn now and where
they differ into a folder instead, for each sheet that differs.
"""

import sys
from pathlib import Path

import numpy as np

from tests.unit.mixer.golden.sheets import (
    LAYOUTS,
    accepted,
    cells,
    differences,
    path,
    sheet,
    write,
)


def main(folder: Path | None) -> None:
    for layout in LAYOUTS:
        now, before = sheet(cells(layout)), accepted(layout)
        if before is not None and np.array_equal(now, before):
            continue
        if folder is None:
            write(path(layout), now)
            print("accepted:", path(layout).name)
        elif before is None:
            write(folder / path(layout).name, now)
            print("new:", folder / path(layout).name)
        else:
            write(folder / path(layout).name, differences(before, now))
            print("differs:", folder / path(layout).name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
