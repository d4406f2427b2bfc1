"""Where Rostrum is: the address of its API, the directory of its data."""

import json
import os
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


def api_url(given: str | None) -> str:
    """As given, else of the stack that runs here: `rostrum up`'s, or the demonstration's."""
    if given:
        return given.rstrip("/")
    for data in (data_dir(), data_dir() / "demo" / "stack"):
        if (known := stack(data)) and known["url"]:
            return str(known["url"])
    return USUAL
