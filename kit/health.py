"""Being well, for who looks from outside: a file that is touched while the bus is there.

`python -m kit.health` is a container's health check: it ends with 0 if the file is fresh.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PERIOD = 2.0
"""Seconds between touches."""

STALE = 10.0
"""Seconds after which a file that nobody touches says that its service is not well."""


async def beat(touch: Callable[[], None], well: Callable[[], bool]) -> None:
    while True:
        if well():
            touch()
        await asyncio.sleep(PERIOD)


def fresh(file: Path, now: float) -> bool:
    """`now` in seconds since the epoch, as files have it."""
    with suppress(OSError):
        return now - file.stat().st_mtime < STALE
    return False


if __name__ == "__main__":
    sys.exit(not fresh(Path(os.environ["ROSTRUM_HEALTH_FILE"]), time.time()))  # noqa: TID251
