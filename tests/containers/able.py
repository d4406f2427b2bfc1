"""Says in one line why no Docker engine can be started here; silence and 0 if one can."""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.containers.engine import Unable, engine


def main() -> int:
    directory = Path(tempfile.mkdtemp(prefix="rostrum-engine-"))
    try:
        with engine(directory):
            return 0
    except Unable as exc:
        sys.stdout.write(f"{exc}\n")
        return 1
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
