"""`python -m tests.replay.accept [NAME …]`: what golden logs come to, accepted. Read the diff."""

import json
import sys
from pathlib import Path
from typing import Any

from cli.log.alike import Alike
from cli.log.read import Log, load
from cli.log.story import story
from tests.replay.again import again

REPLAYS = Path(__file__).parents[1] / "e2e" / "replays"
EXPECTED = REPLAYS / "expected"


def recorded() -> list[Path]:
    return sorted([*REPLAYS.glob("*.jsonl"), *REPLAYS.glob("*.jsonl.gz")])


def stem(path: Path) -> str:
    return path.name.partition(".")[0]


def expected(path: Path) -> Path:
    return EXPECTED / f"{stem(path)}.json"


def summary(path: Path) -> dict[str, Any]:
    """What each conference of a log comes to: what is in it, and what is decided of it now."""
    export = load(path)
    return {
        "version": export.header.version if export.header else "",
        "conferences": [_conference(log) for log in export.logs],
    }


def _conference(log: Log) -> dict[str, Any]:
    decided, told = again(log), story(log)
    assert decided.view is not None
    return {
        "name": told.name,
        "commits": decided.commits,
        "decided_anew": decided.anew,
        "decided_otherwise": decided.differently,
        "view": Alike(log)(decided.view),
        "lanes": {
            " ".join(lane): [one.line for one in lines] for lane, lines in told.lanes.items()
        },
    }


def main(names: list[str]) -> None:
    EXPECTED.mkdir(exist_ok=True)
    for path in recorded():
        if not names or stem(path) in names:
            text = json.dumps(summary(path), indent=1, sort_keys=True, ensure_ascii=False)
            expected(path).write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
