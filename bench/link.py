"""What a feed costs on its way: on one host, and between two. `make bench-link`; how:
docs/benchmarks.md."""

import argparse
import multiprocessing as mp
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import numpy as np

from bench.common import closing_line, machine, middle, table
from kit.link import (
    FeedGone,
    FeedReader,
    FeedServer,
    FeedWriter,
    Format,
    Identity,
    Lender,
    Lent,
    Mirror,
    Picture,
)

FORMATS = {"720p30": Format(1280, 720, 30), "1080p30": Format(1920, 1080, 30)}
ONE, TWO = "one host", "two hosts"
HELLO, TIMEOUT = b"feed", 10.0


class Cost(msgspec.Struct, frozen=True):
    """CPU seconds per second of feed, TLS and the kernel's part in them."""

    mixer: float
    egress: float
    missed: float
    "Share of the pictures that did not arrive."


def mix(size: str, path: Path, way: str, told: Connection) -> None:
    """A process that offers pictures which are drawn already, until nobody takes them."""
    format = FORMATS[size]
    writer = FeedWriter(format, epoch_ns=time.monotonic_ns())
    server = FeedServer(path, lambda _: writer)
    identity = Identity(datetime.now(UTC))
    lender = Lender(0, identity, lambda _: str(path), host="127.0.0.1") if way == TWO else None
    told.send((lender.port if lender else 0, identity.fingerprint))
    while not writer.takers:
        time.sleep(0.01)
    begun, cpu = time.monotonic(), time.process_time()
    silence = np.zeros((format.block, format.channels), np.int16)
    n = m = 0
    while writer.takers:
        if (room := writer.begin()) is not None:
            writer.picture(room[0], n)
        n += 1
        while m * format.block / format.rate < n / format.fps:
            writer.sound(m, silence)
            m += 1
        time.sleep(max(0.0, begun + n / format.fps - time.monotonic()))
    told.send(((time.process_time() - cpu) / (time.monotonic() - begun), n))
    server.close()


def take(path: Path, seconds: float) -> tuple[float, int]:
    """CPU per second of this process, and how many pictures came."""
    reader = FeedReader.connect(str(path), HELLO, TIMEOUT)
    begun, cpu, came = time.monotonic(), time.process_time(), 0
    with suppress(FeedGone):
        while time.monotonic() - begun < seconds:
            item = reader.read(1)
            if isinstance(item, Picture):
                came += 1
                item.release()
    spent = (time.process_time() - cpu) / (time.monotonic() - begun)
    reader.close()
    return spent, came


def measure(size: str, way: str, seconds: float) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "there.sock"
        ours, theirs = mp.Pipe()
        mixer = mp.get_context("spawn").Process(target=mix, args=(size, there, way, theirs))
        mixer.start()
        try:
            port, fingerprint = ours.recv()
            path, mirror = there, None
            if way == TWO:
                path = Path(folder) / "here.sock"
                lent = Lent("feed", "127.0.0.1", port, fingerprint)
                mirror = Mirror(path, lent, lambda name: name)
            egress, came = take(path, seconds)
            if mirror:
                mirror.close()
            spent, sent = ours.recv()
        finally:
            mixer.kill()
            mixer.join()
    return Cost(spent, egress, max(0.0, 1 - came / min(sent, seconds * FORMATS[size].fps)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.link", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8, help="of each feed")
    options = parser.parse_args()
    costs: dict[tuple[str, str], list[Cost]] = {}
    for run in range(options.runs):
        print(f"run {run + 1} of {options.runs}", file=sys.stderr)
        for size in FORMATS:
            for way in (ONE, TWO):
                costs.setdefault((size, way), []).append(measure(size, way, options.seconds))
    rows, figures = [], {}
    for (size, way), each in costs.items():
        mixer, egress, missed = (
            middle([getattr(cost, what) for cost in each]) for what in Cost.__struct_fields__
        )
        rows.append([size, way, f"{mixer:.3f}", f"{egress:.3f}", f"{missed:.1%}"])
        figures[f"{size}, {way}"] = {"mixer": round(mixer, 4), "egress": round(egress, 4)}
    print(f"CPU seconds per second of feed; {machine()}")
    print(table(["feed", "way", "mixer's side", "egress's side", "missed"], rows))
    print(closing_line("link", {}, figures))


if __name__ == "__main__":
    main()
