"""What a fault of one destination does to another: `make bench-faults`. How: docs/benchmarks.md.

Two destinations of one stream, in this process: A meets a fault, B is an ordinary server that says
how late each picture came. Each fault in turns with a good A, so that what else the machine does
meets both.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from functools import partial

import msgspec

from bench.arrivals import TIMED, Arrivals, Late, arrivals
from bench.common import closing_line, machine, middle, table
from bench.paper import Press
from proto.egress import OnAir
from services.rtmp_egress import core
from services.rtmp_egress.media.publisher import Deadlines, Publisher
from services.rtmp_egress.outlet import Outlet
from tests.support.faulty_rtmp import FaultyServer, faulty_server
from tests.support.tags import target

KBPS = 4500

HASTY = Deadlines(connect=0.5, setup=0.6, write=0.8, close=0.5, ping=0.2, trial=0.2)
"""Of A, so that it meets its fault several times in each measurement."""

LIMIT = 5.0
"""Milliseconds that B's 99th percentile may grow by."""

GOOD = "none"

FAULTS = {
    **dict.fromkeys(("mute-at-handshake", "mute-at-connect", "mute-at-publish"), 20_000),
    **dict.fromkeys(("close-at-handshake", "close-at-connect", "close-at-publish"), 20_000),
    **dict.fromkeys(("mute-at-live", "close-at-live", "stop-reading", "slow-reader"), 20_000),
    **dict.fromkeys(("reset", "kick", "close-later", "late-gibberish"), 500_000),
    **dict.fromkeys(("pongs-then-silence", "acks-then-silence"), 600_000),
    **dict.fromkeys(("refuse-bad-name", "refuse-denied", "garbage"), 20_000),
}
"""Bytes of media after which it happens; of `tests.support.faulty_rtmp`."""


Hear = Callable[[Outlet, core.Tell, OnAir], None]


class Seen(msgspec.Struct, frozen=True):
    """At B, in one measurement."""

    late: Late
    lost: int
    "Pictures that should have come and did not."
    troubles: int
    "How often A was told to have failed."


async def measure(fault: str, server: Arrivals, seconds: float, run: int) -> Seen:
    """A is called again and again, whatever it comes to."""
    press = Press(KBPS)
    key = f"{TIMED}{run}"
    troubles = 0

    def hear(_: Outlet, told: core.Tell, __: OnAir) -> None:
        nonlocal troubles
        troubles += bool(told.code)

    async def trouble(url: str) -> None:
        while True:
            one = outlet(press, url, hear, HASTY)
            try:
                await one.run()
            finally:
                one.remove()
            await asyncio.sleep(0.2)

    name = "ok" if fault == GOOD else fault
    async with faulty_server(name, enough=FAULTS.get(fault, 20_000)) as bad:
        good = outlet(press, server.url(key), ignored, Deadlines())
        async with asyncio.TaskGroup() as group:
            jobs = [
                group.create_task(press.run(due=True)),
                group.create_task(trouble(bad.url("live/a"))),
                group.create_task(silent(bad)),
            ]
            pushing = group.create_task(good.run())
            await asyncio.to_thread(server.when, key, "key_frame", 0.0)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.late)
            before = press.pictures
            await asyncio.sleep(seconds)
            late = (await asyncio.to_thread(server.late)).get(key, [])
            after = press.pictures
            good.remove()
            await pushing
            for job in jobs:
                job.cancel()
    # A batch may be on its way at either end.
    lost = max(0, after - before - len(late) - 2) + good.dropped_frames
    return Seen(Late.of(late), lost, troubles)


def outlet(press: Press, url: str, hear: Hear, deadlines: Deadlines) -> Outlet:
    return Outlet(
        press.bus,
        [partial(Publisher, target(url), deadlines=deadlines)],
        hear,
        hot=False,
        clock=time.monotonic,
        chance=lambda: 0.5,
        seen=True,
    )


def ignored(_: Outlet, __: core.Tell, ___: OnAir) -> None:
    """B's news: what it gets is what counts."""


async def silent(server: FaultyServer) -> None:
    """Hear what it says, which would halt it otherwise."""
    assert server.process.stdout is not None
    while await server.process.stdout.read(65_536):
        pass


class Results(msgspec.Struct, frozen=True):
    with_fault: dict[str, list[Seen]] = {}
    without: dict[str, list[Seen]] = {}

    def added(self, fault: str) -> float:
        """Milliseconds that the 99th percentile grows by: of the pairs, the median."""
        pairs = zip(self.with_fault[fault], self.without[fault], strict=True)
        return middle([bad.late.p99 - good.late.p99 for bad, good in pairs])

    def rows(self) -> list[list[str]]:
        found = []
        for fault, seen in self.with_fault.items():
            p99 = [middle([one.late.p99 for one in some]) for some in (self.without[fault], seen)]
            lost = sum(one.lost for one in seen)
            pictures = sum(one.late.count for one in seen)
            troubles = sum(one.troubles for one in seen)
            cells = [*(f"{value:.2f}" for value in p99), f"{self.added(fault):+.2f}"]
            found.append([fault, *cells, f"{lost} of {pictures}", str(troubles)])
        return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of stream in each measurement")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    options = parser.parse_args()
    results, number, loads = Results({}, {}), 0, []
    with arrivals() as server:
        for run in range(options.runs):
            loads.append(f"{os.getloadavg()[0]:.1f}")
            print(f"run {run + 1} of {options.runs}, load {loads[-1]}", file=sys.stderr)
            for fault in options.only:
                for name, kept in ((GOOD, results.without), (fault, results.with_fault)):
                    number += 1
                    seen = asyncio.run(measure(name, server, options.seconds, number))
                    kept.setdefault(fault, []).append(seen)
    print(
        f"milliseconds after a picture is due; {KBPS} kbit/s; {machine()}; load {', '.join(loads)}"
    )
    head = ["fault on A", "B p99 without", "with", "added", "lost at B", "failures of A"]
    print(table(head, results.rows()))
    added = {fault: results.added(fault) for fault in results.with_fault}
    lost = sum(one.lost for some in results.with_fault.values() for one in some)
    ratios = {"added_p99_over_limit": max(added.values()) / LIMIT}
    figures = {"added_p99_ms": {f: round(ms, 2) for f, ms in added.items()}, "lost_pictures": lost}
    print(closing_line("faults", ratios, figures))


if __name__ == "__main__":
    main()
