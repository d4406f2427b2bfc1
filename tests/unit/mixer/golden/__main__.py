"""`python -m tests.unit.mixer.golden`: accept the pictures as they are drawn now. Look at them!

`python -m tests.unit.mixer.golden FOLDER`: write what was accepted, what is drawn now and where
they differ into a folder instead, for each sheet that differs.
"""

import sys
from pathlib import Path

import numpy as np

from tests.unit.mixer.golden.sheets import accepted, all_sheets, differences, write


def main(folder: Path | None) -> None:
    for kept, now in all_sheets():
        before = accepted(kept)
        if before is not None and np.array_equal(now, before):
            continue
        if folder is None:
            write(kept, now)
            print("accepted:", kept.name)
        elif before is None:
            write(folder / kept.name, now)
            print("new:", folder / kept.name)
        else:
            write(folder / kept.name, differences(before, now))
            print("differs:", folder / kept.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
