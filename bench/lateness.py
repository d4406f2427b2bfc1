"""How late many destinations of one stream get it: `make bench-lateness`. How: docs/benchmarks.md.

The part of an egress session that pushes (bus, destinations, TLS), in this process and on one
thread as there; pictures are of paper, so that nothing is encoded. Every tenth destination
is an RTMP server that says how late each picture has come; the others throw away what they get.
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import msgspec

from bench.arrivals import TIMED, Arrivals, Late, arrivals
from bench.common import closing_line, machine, middle, parse_stat, table
from bench.discard import Discarder, discarder
from bench.paper import FPS, Press
from proto.egress import OnAir
from services.rtmp_egress import core
from services.rtmp_egress.media.publisher import Publisher, TlsOptions
from services.rtmp_egress.outlet import Outlet
from tests.support.certs import Certificates, make_certificates
from tests.support.tags import target

COUNTS = (10, 50, 100, 200)
EVERY = 10
"""One destination of so many is asked how late it got what it got."""

KBPS = 6000

BATCHES = (2, 1)
"""Pictures that are handed over at once: as a session does, and as one of low latency does."""

GOAL = 20.0
"""Milliseconds of the 99th percentile."""

SETTLE = 3.0
"""Seconds after the last has joined: each is given a whole group of pictures at once."""

ENOUGH = 0.97
"""Of what it should get, that the crowd must have got for a measurement to count: its edges may cut
a key frame off."""


class Sample(msgspec.Struct, frozen=True):
    core: float
    "CPU seconds per second of the thread that pushes, the kernel's on its behalf included."
    late: Late
    "After a batch was ready until a picture of it had been read by the server, milliseconds."
    sinks: float
    "CPU seconds per second of both servers."
    received: float
    "What arrived of what was sent."


async def measure(
    count: int, batch: int, timed: Arrivals, crowd: Discarder, files: Certificates, seconds: float
) -> Sample:
    press = Press(KBPS, batch)
    tls = TlsOptions(ca_file=str(files.ca))
    publishing = 0
    everybody = asyncio.Event()

    def hear(_: Outlet, told: core.Tell, __: OnAir) -> None:
        nonlocal publishing
        publishing += told.state == "publishing"
        if publishing >= count:
            everybody.set()

    urls = [timed.url(f"{TIMED}{n}") if n % EVERY == 0 else crowd.url(n) for n in range(count)]
    outlets = [
        Outlet(
            press.bus,
            [partial(Publisher, target(url), tls=tls)],
            hear,
            hot=False,
            clock=time.monotonic,
            chance=lambda: 0.5,
            seen=False,
        )
        for url in urls
    ]
    async with asyncio.TaskGroup() as group:
        pressing = group.create_task(press.run())
        pushing = [group.create_task(outlet.run()) for outlet in outlets]
        async with asyncio.timeout(120):
            await everybody.wait()
        await asyncio.sleep(SETTLE)
        gc.collect()
        gc.freeze()  # as a session does
        await asyncio.to_thread(timed.late)
        got, pictures = crowd.received, press.pictures
        used, sinks, begun = time.thread_time(), cpu(timed, crowd), time.monotonic()
        await asyncio.sleep(seconds)
        used, elapsed = time.thread_time() - used, time.monotonic() - begun
        sinks = cpu(timed, crowd) - sinks
        got, pictures = crowd.received - got, press.pictures - pictures
        late = await asyncio.to_thread(timed.late)
        dropped = sum(outlet.dropped_frames for outlet in outlets)
        for outlet in outlets:
            outlet.remove()
        await asyncio.wait(pushing)
        pressing.cancel()
    sent = pictures * KBPS * 1000 / 8 / FPS * sum(TIMED not in url for url in urls)
    if dropped:
        print(f"{dropped} pictures were dropped", file=sys.stderr)
    everything = [ms for one in late.values() for ms in one]
    return Sample(used / elapsed, Late.of(everything), sinks / elapsed, got / max(1, sent))


def cpu(timed: Arrivals, crowd: Discarder) -> float:
    return timed.cpu + parse_stat(Path(f"/proc/{crowd.pid}/stat").read_text()).cpu


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lateness", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of stream in each measurement")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    options = parser.parse_args()
    found: dict[tuple[int, int], list[Sample]] = {}
    loads = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        files = make_certificates(Path(name))
        pair = files.good.certificate, files.good.key
        for run in range(options.runs):
            loads.append(f"{os.getloadavg()[0]:.1f}")
            print(f"run {run + 1} of {options.runs}, load {loads[-1]}", file=sys.stderr)
            for count in options.counts:
                for batch in BATCHES:
                    with arrivals(*pair) as timed, discarder(*pair) as crowd:
                        sample = asyncio.run(
                            measure(count, batch, timed, crowd, files, options.seconds)
                        )
                    if sample.received < ENOUGH:
                        told = f"{count}, {batch} at once: {sample.received:.0%} of it arrived"
                        print(f"thrown away: {told}", file=sys.stderr)
                        continue
                    found.setdefault((count, batch), []).append(sample)
    print(f"rtmps, {KBPS} kbit/s each; {machine()}; load {', '.join(loads)}")
    head = [
        "destinations, pictures at once",
        "core",
        "p50 ms",
        "p99 ms",
        "worst",
        "servers' core",
        "runs",
    ]
    print(table(head, [row(*key, samples) for key, samples in found.items()]))
    p99 = {f"{k}x{b}": middle([s.late.p99 for s in some]) for (k, b), some in found.items()}
    ratios = {f"p99_over_limit: {name}": value / GOAL for name, value in p99.items()}
    cores = {f"{k}x{b}": round(middle([s.core for s in some]), 3) for (k, b), some in found.items()}
    print(closing_line("lateness", ratios, {"core": cores}))


def row(count: int, batch: int, samples: list[Sample]) -> list[str]:
    late = [sample.late for sample in samples]
    return [
        f"{count}, {batch}",
        f"{middle([sample.core for sample in samples]):.3f}",
        f"{middle([one.p50 for one in late]):.1f}",
        f"{middle([one.p99 for one in late]):.1f}",
        f"{max(one.worst for one in late):.1f}",
        f"{middle([sample.sinks for sample in samples]):.2f}",
        str(len(samples)),
    ]


if __name__ == "__main__":
    main()
