"""What many destinations of one stream cost: `make bench-fanout`. How: docs/benchmarks.md.

One egress session encodes one feed; destinations are added to it and taken away while it runs, and
its whole process is measured at each number of them, in turns, over rtmp and over rtmps.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.common import ROOT, closing_line, machine, middle, parse_stat, spread, table
from bench.discard import Discarder, discarder
from bench.inputs import CASES, FPS, Case, inputs
from kit.child import Child
from kit.secrets import Sealer, new_key
from proto.media import FeedSpec, Rendition
from services.rtmp_egress.wire import (
    AddDestination,
    Begin,
    Changed,
    FeedAt,
    RemoveDestination,
    Reports,
    Started,
    Stats,
    decode_report,
)
from tests.support.certs import Certificates, make_certificates

CASE = CASES[1]
COUNTS = (1, 2, 4, 8, 16, 50)
SCHEMES = ("rtmp", "rtmps")

SETTLE = 2.0
"""Seconds after a change of the number of destinations: newcomers are given a whole group of
pictures at once."""

ALL = 0.99
"""Of what they should get, that destinations must have got for a measurement to count."""


class Sample(msgspec.Struct, frozen=True):
    """CPU seconds per second of stream."""

    whole: float
    "Of the process."
    loop: float
    "Of its main thread, which does all that is done for destinations."
    received: float
    "What arrived, of what should have."
    mbps: float
    "To each destination."
    joined: float | None = None
    "Seconds until the newcomers published; None: there were none."


class Session:
    """The child, and what it has said last."""

    def __init__(self, child: Child[Reports], sealer: Sealer) -> None:
        self.child = child
        self._sealer = sealer
        self._states: dict[str, str] = {}
        self._stats = Stats(0, 0, 0, 0, 0, 0)
        self._news = asyncio.Condition()

    async def listen(self) -> None:
        async for report in self.child.reports():
            async with self._news:
                match report:
                    case Changed(participant, state):
                        self._states[participant] = state
                    case Stats():
                        self._stats = report
                    case Started() | _:
                        pass
                self._news.notify_all()

    async def have(self, count: int, server: Discarder) -> int:
        """Publish to so many destinations, no more and no less; how many are new."""
        live = {who for who, state in self._states.items() if state != "stopped"}
        wanted = {f"d{n}" for n in range(count)}
        for who in wanted - live:
            url = self._sealer.seal(server.url(int(who[1:])))
            self.child.send(AddDestination(who, url))
        for who in live - wanted:
            self.child.send(RemoveDestination(who))
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(
                lambda: (
                    all(self._states.get(who) == "publishing" for who in wanted)
                    and all(self._states[who] == "stopped" for who in live - wanted)
                )
            )
        return len(wanted - live)

    async def stats(self) -> Stats:
        """The next that comes."""
        async with asyncio.timeout(30), self._news:
            before = self._stats
            await self._news.wait_for(lambda: self._stats is not before)
            return self._stats


@contextmanager
def feed(path: Path, case: Case, clips: list[Path]) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.loop", str(path), case.name, *map(str, clips)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the feed did not come up")
        yield
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def session(case: Case, socket: Path, ca: Path) -> AsyncIterator[Session]:
    key = new_key()
    sealer = Sealer.from_env({"ROSTRUM_SECRET_KEY": key})
    env = {"ROSTRUM_SECRET_KEY": key, "ROSTRUM_TLS_CA_FILE": str(ca)}
    child = await Child.spawn("services.rtmp_egress.session", decode_report, env)
    running = Session(child, sealer)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(running.listen())
        spec = FeedSpec("bench", width=case.width, height=case.height)
        child.send(Begin("bench", spec, Rendition(video_kbps=case.video_kbps), stats_every=0.5))
        child.send(FeedAt(str(socket)))
        try:
            yield running
        finally:
            await child.stop()
            await listening


def used(pid: int) -> tuple[float, float]:
    """CPU seconds so far of a process, and of its main thread."""
    whole = parse_stat(Path(f"/proc/{pid}/stat").read_text()).cpu
    return whole, parse_stat(Path(f"/proc/{pid}/task/{pid}/stat").read_text()).cpu


async def measure(running: Session, server: Discarder, count: int, seconds: float) -> Sample:
    begun = time.monotonic()
    newcomers = await running.have(count, server)
    took = time.monotonic() - begun if newcomers else None
    await asyncio.sleep(SETTLE)
    before, first, got = await running.stats(), used(running.child.pid), server.received
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        after = await running.stats()
    last, more = used(running.child.pid), server.received - got
    after = await running.stats() if after is before else after
    stream = (after.pictures - before.pictures) / FPS
    sent = sum(one.bytes_out for one in after.destinations) - sum(
        one.bytes_out for one in before.destinations
    )
    return Sample(
        (last[0] - first[0]) / stream,
        (last[1] - first[1]) / stream,
        more / max(1, sent),
        sent * 8 / 1e6 / stream / count,
        took,
    )


class Results(msgspec.Struct, frozen=True):
    runs: dict[str, dict[int, list[Sample]]]
    notes: list[str]

    def add(self, scheme: str, count: int, sample: Sample) -> None:
        if sample.received < ALL:
            self.notes.append(
                f"thrown away: {scheme}, {count}: {sample.received:.0%} of the bytes arrived"
            )
            return
        self.runs.setdefault(scheme, {}).setdefault(count, []).append(sample)

    def whole(self, scheme: str, count: int) -> float:
        return middle([sample.whole for sample in self.runs[scheme][count]])

    def loop(self, scheme: str, count: int) -> float:
        return middle([sample.loop for sample in self.runs[scheme][count]])


def ratios(results: Results) -> dict[str, float]:
    """The issue's ratio as it is measured; and with the encoder's own spread taken out, where the
    encoder is taken to cost the same whatever happens to its bytes."""
    found = {}
    for scheme in SCHEMES:
        name = "k8_over_k1" if scheme == "rtmp" else f"{scheme}_k8_over_k1"
        found[name] = results.whole(scheme, 8) / results.whole(scheme, 1)
        base = results.whole(scheme, 1)
        more = results.loop(scheme, 8) - results.loop(scheme, 1)
        found[f"{name}_by_threads"] = (base + more) / base
    return found


def per_core(results: Results, scheme: str) -> float:
    """Destinations that one core could feed, by what the last ones of most cost."""
    most = COUNTS[-1]
    each = (results.loop(scheme, most) - results.loop(scheme, 1)) / (most - 1)
    return 1 / each


def rate(results: Results) -> float:
    """Mbit/s that each destination got."""
    samples = [one for counts in results.runs.values() for some in counts.values() for one in some]
    return middle([sample.mbps for sample in samples])


def joined(results: Results, scheme: str) -> float:
    """Seconds from the order until one more destination publishes and is sent the newest group."""
    samples = results.runs[scheme][COUNTS[1]]
    return middle([sample.joined for sample in samples if sample.joined is not None])


def rows(results: Results) -> list[list[str]]:
    found = []
    for scheme in SCHEMES:
        for count in COUNTS:
            samples = results.runs[scheme][count]
            cells = [
                f"{results.whole(scheme, count):.3f}",
                spread([sample.whole for sample in samples]),
                f"{results.whole(scheme, count) / results.whole(scheme, 1):.3f}",
                f"{results.loop(scheme, count):.4f}",
                str(len(samples)),
            ]
            found.append([f"{scheme}, {count}", *cells])
    return found


async def one_round(
    results: Results, clips: list[Path], files: Certificates, room: Path, seconds: float
) -> None:
    socket = room / "feed.sock"
    with feed(socket, CASE, clips):
        for scheme in SCHEMES:
            tls = (files.good.certificate, files.good.key) if scheme == "rtmps" else ()
            with discarder(*tls) as server:
                async with session(CASE, socket, files.ca) as running:
                    for count in (*COUNTS, *reversed(COUNTS)):
                        results.add(scheme, count, await measure(running, server, count, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fanout", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="of stream in each measurement")
    parser.add_argument("--clips", type=Path, default=ROOT / "var" / "clips")
    options = parser.parse_args()
    clips = inputs(options.clips)
    results = Results({}, [])
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        room = Path(name)
        files = make_certificates(room / "tls")
        for run in range(options.runs):
            print(f"run {run + 1} of {options.runs}", file=sys.stderr)
            asyncio.run(one_round(results, clips, files, room, options.seconds))
    title = f"one feed of {CASE.name}, {rate(results):.1f} Mbit/s to each destination"
    print(f"CPU seconds per second of stream; {title}; {machine()}")
    head = ["destinations", "whole process", "range", "of one", "main thread", "runs"]
    print(table(head, rows(results)))
    for scheme in SCHEMES:
        more = f"one more publishes after {joined(results, scheme) * 1000:.0f} ms"
        print(f"{scheme}: one core could feed {per_core(results, scheme):.0f} destinations; {more}")
    for note in results.notes:
        print(f"note: {note}")
    print(closing_line("fanout", ratios(results), figures(results)))


def figures(results: Results) -> dict[str, Any]:
    return {
        scheme: {
            **{str(count): round(results.whole(scheme, count), 4) for count in COUNTS},
            "per_core": round(per_core(results, scheme)),
            "joined_ms": round(joined(results, scheme) * 1000),
        }
        for scheme in SCHEMES
    } | {"mbps": round(rate(results), 2)}


if __name__ == "__main__":
    main()
