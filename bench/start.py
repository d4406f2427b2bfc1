"""How soon a stream is there: `make bench-start`. How: docs/benchmarks.md.

One stack with a conference that is going on; everything is asked for through the API, and seen by
an RTMP server of the benchmark's own.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import msgspec

from bench.arrivals import Arrivals, arrivals
from bench.common import ROOT, closing_line, machine, processes, table, tree
from bench.inputs import MAIN, inputs
from bench.stack import Stack, running
from bench.system import program

ALIAS = "bench-start"
SESSION = "rtmp_egress.session"
DIAL = "/api/admin/command/v1/participant/dial/"
HANG_UP = "/api/admin/command/v1/participant/disconnect/"
OURS = f"/api/rostrum/v1/conferences/{ALIAS}"

NOWHERE = "Nowhere"

PATIENCE = 30.0

SETTLED = 2.5
"""Seconds of stream before something is done to it: more than a server's trial."""

DOWN = (1.0, 2.0, 4.0, 8.0)
"""Seconds that the server is away, by turns. For ten seconds a restart is what is expected; who is
away for longer is tried less often."""

AT_ONCE = 5
"""Destinations that are lost with the server, each of which comes back by itself."""

STEADY = 31.0
"""Seconds of stream before: what breaks again before it has been steady waits longer each time,
a destination and a process alike."""

AGAIN = 5.0
"""Seconds between a process's deaths when it is killed again and again."""


class Goal(msgspec.Struct, frozen=True):
    what: str
    runs: int
    limit: float
    "Seconds, of the 95th percentile."


GOALS = {
    "start": Goal("asked for → the server has the first key frame", 50, 1.5),
    "add": Goal("one more destination → its first media", 20, 0.5),
    "back": Goal("the server is back → media again", 20, 2.5),
    "refusal": Goal("dialled → refused, with every worker's reason", 50, 0.1),
    "crash": Goal("the session's process is killed → media again", 10, 3.0),
    "again": Goal("the same, five seconds after it came back from the last time", 20, 3.0),
}


class Room(msgspec.Struct, frozen=True):
    """A conference in which somebody is, and what it streams to."""

    stack: Stack
    server: Arrivals
    names: Iterator[int]

    def dial(self, key: str, **more: Any) -> tuple[str, float]:
        """A call, and when it was asked for: a stream may be there before the API has answered."""
        body = {
            "conference_alias": ALIAS,
            "destination": self.server.url(key),
            "protocol": "rtmp",
            "routing": "manual",
            "streaming": True,
            **more,
        }
        at = time.monotonic()
        answer = self.stack.api.post(DIAL, json=body)
        answer.raise_for_status()
        return str(answer.json()["data"]["participant_id"]), at

    def hang_up(self, call: str) -> None:
        self.stack.api.post(HANG_UP, json={"participant_id": call}).raise_for_status()
        until(lambda: all(p["participant"] != call for p in self.people()))

    def people(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stack.api.get(f"{OURS}/").json()["participants"]
        return found

    def events(self) -> list[dict[str, Any]]:
        lines = self.stack.api.get(f"{OURS}/log.jsonl").text.splitlines()
        stored = [msgspec.json.decode(line) for line in lines]
        return [event for line in stored for event in line.get("commit", [])]

    def key(self) -> str:
        return f"k{next(self.names)}"

    def sessions(self) -> list[int]:
        found = tree(self.stack.pid, processes())
        return [each.pid for each in found if program(each.pid) == SESSION]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("it never came true")
        time.sleep(0.05)


@contextmanager
def room(clips: list[Path]) -> Iterator[Room]:
    with running("default") as stack, arrivals() as server:
        configured = {"name": ALIAS, "aliases": [{"alias": ALIAS}], "max_pixels_per_second": "hd"}
        made = stack.api.post("/api/admin/configuration/v1/conference/", json=configured)
        made.raise_for_status()
        for n, clip in enumerate(clips):
            body = {"display_name": f"Participant {n}", "role": "host", "media": str(clip)}
            stack.api.post(f"{OURS}/participants/", json=body).raise_for_status()
        until(
            lambda: any(
                e["type"] == "stage_changed.v1" for e in Room(stack, server, count()).events()
            )
        )
        yield Room(stack, server, count(1))


def start(room: Room, runs: int) -> Iterator[float]:
    """Each with a session of its own, which is gone before the next."""
    for _ in range(runs):
        until(lambda: not room.sessions())
        key = room.key()
        call, at = room.dial(key)
        yield room.server.when(key, "key_frame", at) - at
        room.hang_up(call)


@contextmanager
def streaming(room: Room) -> Iterator[str]:
    """A destination that is published to all the time; yields its key."""
    key = room.key()
    call, at = room.dial(key)
    room.server.when(key, "key_frame", at)
    time.sleep(SETTLED)
    yield key
    room.hang_up(call)


def add(room: Room, runs: int) -> Iterator[float]:
    with streaming(room):
        for _ in range(runs):
            key = room.key()
            call, at = room.dial(key)
            yield room.server.when(key, "media", at) - at
            room.hang_up(call)


def back(room: Room, runs: int) -> Iterator[float]:
    with ExitStack() as streams:
        keys = [streams.enter_context(streaming(room)) for _ in range(min(runs, AT_ONCE))]
        for n in range(max(1, runs // AT_ONCE)):
            time.sleep(STEADY)
            room.server.kill()
            time.sleep(DOWN[n % len(DOWN)])
            listening = room.server.start()
            for key in keys:
                yield room.server.when(key, "media", listening) - listening


def crash(room: Room, runs: int) -> Iterator[float]:
    return _killed(room, runs, STEADY)


def again(room: Room, runs: int) -> Iterator[float]:
    """Before its earlier deaths are forgotten."""
    return _killed(room, runs, AGAIN)


def _killed(room: Room, runs: int, after: float) -> Iterator[float]:
    with streaming(room) as key:
        for _ in range(runs):
            time.sleep(after)
            [pid] = room.sessions()
            at = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            yield room.server.when(key, "media", at) - at


def refusal(room: Room, runs: int) -> Iterator[float]:
    """By the times of the events: in this location nobody can make it."""
    path = "/api/admin/configuration/v1/system_location/"
    room.stack.api.post(path, json={"name": NOWHERE}).raise_for_status()
    for _ in range(runs):
        call, _ = room.dial(room.key(), system_location=NOWHERE)
        until(lambda call=call: all(p["participant"] != call for p in room.people()))  # type: ignore[misc]
        told = {e["type"]: e["at"] for e in room.events() if e.get("participant") == call}
        asked, ended = (
            datetime.fromisoformat(told[kind]) for kind in ("call_requested.v1", "call_ended.v1")
        )
        yield (ended - asked).total_seconds()


MEASURES: dict[str, Callable[[Room, int], Iterator[float]]] = {
    "start": start,
    "add": add,
    "back": back,
    "refusal": refusal,
    "crash": crash,
    "again": again,
}


class Memory(msgspec.Struct, frozen=True):
    """Megabytes of one session's process, with pictures that move."""

    rss: float
    pss: float


def memory(room: Room) -> Memory:
    with streaming(room):
        time.sleep(SETTLED)
        [pid] = room.sessions()
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.partition(":")[0]: int(line.split()[1]) / 1024 for line in lines}
    return Memory(sizes["Rss"], sizes["Pss"])


def p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[18] if len(values) > 1 else values[0]


def rows(found: dict[str, list[float]]) -> list[list[str]]:
    return [
        [
            GOALS[name].what,
            *(f"{value * 1000:.0f}" for value in (median(values), p95(values), max(values))),
            f"{GOALS[name].limit * 1000:.0f}",
            str(len(values)),
        ]
        for name, values in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.start", description=__doc__)
    parser.add_argument("--runs", type=int, default=0, help="of each; 0: as many as the goal says")
    parser.add_argument("--parts", nargs="+", choices=GOALS, default=list(GOALS))
    parser.add_argument("--clips", type=Path, default=ROOT / "var" / "clips")
    options = parser.parse_args()
    clips = inputs(options.clips)[: MAIN + 1]
    found: dict[str, list[float]] = {}
    loads = []
    with room(clips) as where:
        for part in options.parts:
            loads.append(f"{os.getloadavg()[0]:.1f}")
            print(f"{part}, load {loads[-1]}", file=sys.stderr)
            runs = options.runs or GOALS[part].runs
            found[part] = list(MEASURES[part](where, runs))
        held = memory(where)
    print(f"milliseconds; 1280x720 of {len(clips)} people; {machine()}; load {', '.join(loads)}")
    print(table(["what", "median", "p95", "worst", "limit of p95", "runs"], rows(found)))
    print(
        f"memory of a session: {held.rss:.0f} MB resident, {held.pss:.0f} MB its share (limit 250)"
    )
    ratios = {f"{name}_p95_over_limit": p95(v) / GOALS[name].limit for name, v in found.items()}
    figures = {
        name: {"p50_ms": round(median(v) * 1000), "p95_ms": round(p95(v) * 1000)}
        for name, v in found.items()
    }
    more = {"rss_mb": round(held.rss), "pss_mb": round(held.pss)}
    print(closing_line("start", {**ratios, "rss_over_limit": held.rss / 250}, {**figures, **more}))


if __name__ == "__main__":
    try:
        main()
    except httpx.HTTPStatusError as exc:
        sys.exit(f"the API refused: {exc.response.status_code} {exc.response.text[:200]}")
