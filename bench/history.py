"""What history costs a gateway: memory, the time until it is there, and the time of a page.

Conferences of ten are written to the log, a gateway is started on them for the first time, and then
started again with its index as it is.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from nats.aio.client import Client

from bench.commands import connected
from bench.common import closing_line, machine, middle, spread, table
from bench.routing import url_of
from cli.place import stack as stack_of
from cli.stack import running
from kit.eventlog import JetStreamLog
from proto import subjects
from proto.base import encode
from proto.conference import (
    ConferenceEnded,
    ConferenceEvent,
    ConferenceStarted,
    ParticipantJoined,
    ParticipantLeft,
)
from proto.urls import SealedUrl

PEOPLE = 10
"""In each conference."""

ROOMS = 100
"""Conferences that are held again and again."""

AT_ONCE = 200
"""Commits on their way to the log at a time."""

START = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = "/api/admin/history/v1"

PAGES = {
    "newest 20": "participant/",
    "page 2,500 of 20": "participant/?offset=50000",
    "one of 100,000, by id": "participant/?id=p-4711-3",
    "name contains, 1 in 10": "participant/?display_name__icontains=NO. 7",
    "name contains, by duration": "participant/?display_name__icontains=no. 7&order_by=-duration",
    "all, by name": "participant/?order_by=display_name",
    "an hour": "participant/?start_time__gte=2026-01-02T00:00:00Z"
    "&start_time__lt=2026-01-02T01:00:00Z",
    "two patterns": "participant/?id__regex=1.3&display_name__iregex=NO. [5-9]",
    "conferences, newest 20": "conference/",
}


def meeting(number: int) -> list[list[ConferenceEvent]]:
    """Ten come, one by one, and go; the conference ends with the last."""
    at = START + timedelta(seconds=20 * number)
    instance, room = f"i-{number}", f"room-{number % ROOMS}"
    commits: list[list[ConferenceEvent]] = []
    for n in range(PEOPLE):
        who = f"p-{number}-{n}"
        media = SealedUrl(f"{who}.media", "srt://camera.example.com:9000", "srt", "5b1f00aa")
        commits.append([ParticipantJoined(at, who, f"Person no. {n} of {number}", "chair", media)])
    commits[0].insert(0, ConferenceStarted(at, room, instance, f"Room {number % ROOMS}"))
    for n in range(PEOPLE):
        left = at + timedelta(minutes=20, seconds=(number * 7 + n) % 3000)
        commits.append([ParticipantLeft(left, f"p-{number}-{n}", "Disconnected")])
    commits[-1].append(ConferenceEnded(commits[-1][0].at, instance, "Nobody is left"))
    return commits


async def fill(nc: Client, people: int) -> None:
    js = nc.jetstream(publish_async_max_pending=AT_ONCE)
    await JetStreamLog.ensure_all(js)
    # A room's meetings come one after another, those of different rooms mixed.
    for number in range(people // PEOPLE):
        subject = subjects.events("conference", f"room-{number % ROOMS}")
        acks = [await js.publish_async(subject, encode(commit)) for commit in meeting(number)]
        await asyncio.gather(*acks)


def memory(pid: int) -> float:
    """Resident MB of a process, as it is now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError


def ask(http: httpx.Client, path: str) -> Any:
    while (answer := http.get(f"{HISTORY}/{path}")).status_code == 503:
        time.sleep(0.02)
    return answer.raise_for_status().json()


def started(data: Path, services: str = "gateway") -> tuple[float, float, dict[str, list[float]]]:
    """Seconds from the first try until history answers, MB then, and the times of pages."""
    found: dict[str, list[float]] = {}
    with running(data, "--port", "0", "--services", services) as stack:
        begin = time.perf_counter()
        with httpx.Client(base_url=stack["url"], trust_env=False, timeout=300) as http:
            ask(http, "participant/?limit=1")
            seconds = time.perf_counter() - begin
            pid = (stack_of(data) or stack)["pids"]["gateway"]
            for _ in range(5):
                for name, path in PAGES.items():
                    begin = time.perf_counter()
                    ask(http, path)
                    found.setdefault(name, []).append(time.perf_counter() - begin)
            return seconds, memory(pid), found


async def write(data: Path, people: int) -> None:
    with running(data, "--services", "routing") as stack:
        async with connected(url_of(stack)) as nc:
            await fill(nc, people)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    people = parser.parse_args().people
    print(f"{people:,} participants; {machine()}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as name:
        data = Path(name) / "history"
        _, empty, _ = started(data)
        shutil.rmtree(data / "history")
        asyncio.run(write(data, people))
        first, memory_first, _ = started(data)
        again, memory_again, pages = started(data)
        size = sum(file.stat().st_size for file in (data / "history").glob("*.sqlite"))
    rows = [
        ["first answer, no index yet, s", f"{first:.2f}", ""],
        ["first answer after a restart, s", f"{again:.3f}", ""],
        ["memory without any history, MB", f"{empty:.0f}", ""],
        ["memory after making the index, MB", f"{memory_first:.0f}", ""],
        ["memory after a restart, MB", f"{memory_again:.0f}", ""],
        ["index on disk, MB", f"{size / 1e6:.0f}", ""],
        *([f"{what}, ms", f"{1000 * middle(t):.1f}", spread(t)] for what, t in pages.items()),
    ]
    print(table(["", "median", "range, s"], rows))
    ratios = {"memory_over_empty": memory_again / empty, "restart_over_first": again / first}
    worst = max(middle(times) for times in pages.values())
    figures = {"people": people, "first_s": round(first, 2), "slowest_page_s": round(worst, 3)}
    print(closing_line("history", ratios, figures))


if __name__ == "__main__":
    main()
