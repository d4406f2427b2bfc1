"""Golden logs, whole or renamed."""

import gzip
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

REPLAYS = Path(__file__).parents[1] / "e2e" / "replays"

IDS = re.compile(
    rb'"(?:conference|participant|successor|target|instance|session|worker|fingerprint|key)":'
    rb'"([A-Za-z0-9_-]{6,})"'
)
TIME = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')


def lines_of(name: str) -> list[bytes]:
    """The lines of a golden log, each with its end."""
    path = REPLAYS / f"{name}.jsonl.gz"
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


def renamed(lines: list[bytes], new: Callable[[int], bytes]) -> list[bytes]:
    """The same with other ids, in texts as well; `new` gives the nth, each another one."""
    ids = sorted({found for line in lines for found in IDS.findall(line)})
    names = {ident: new(number) for number, ident in enumerate(ids)}
    longest = sorted(ids, key=len, reverse=True)
    any_of_them = re.compile(b"|".join(map(re.escape, longest)))
    return [any_of_them.sub(lambda found: names[found[0]], line) for line in lines]


def shifted(lines: list[bytes], by: timedelta) -> list[bytes]:
    """The same at another time."""

    def later(found: re.Match[bytes]) -> bytes:
        moment = datetime.fromisoformat(found[1].decode()) + by
        return b'"%s"' % moment.isoformat().replace("+00:00", "Z").encode()

    return [TIME.sub(later, line) for line in lines]
