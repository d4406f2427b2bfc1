"""Where Rostrum is: the address of its API, the directory of its data."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

USUAL = "http://127.0.0.1:8080"


def data_dir() -> Path:
    """`$ROSTRUM_DATA`, else where this system keeps a user's data."""
    if given := os.environ.get("ROSTRUM_DATA"):
        return Path(given)
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "rostrum"


def stack(data: Path) -> dict[str, Any] | None:
    """What `run/stack.json` says of a stack that runs with its data there."""
    try:
        known: dict[str, Any] = json.loads((data / "run" / "stack.json").read_text())
        os.kill(int(known["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return None
    return known


def stacks() -> Iterator[tuple[Path, dict[str, Any]]]:
    """The data of those that run here, and what they say: `rostrum up`'s, the demonstration's."""
    for data in (data_dir(), data_dir() / "demo" / "stack"):
        if known := stack(data):
            yield data, known


def running_data() -> Path:
    """The data of the stack that runs here, or would."""
    return next((data for data, _ in stacks()), data_dir())


def api_url(given: str | None) -> str:
    """As given, else of the stack that runs here."""
    if given:
        return given.rstrip("/")
    return next((str(known["url"]) for _, known in stacks() if known["url"]), USUAL)
