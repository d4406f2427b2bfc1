"""What a cut cable does to a stream: `python -m tests.support.link_loss`, on Linux.

The stream runs in a network namespace of its own, whose loopback is taken down for a while and up
again; making one needs rights that not every machine gives. Prints how long it takes to notice and
to be back.
"""

import asyncio
import subprocess
import sys
import time
from itertools import pairwise

import msgspec

from services.rtmp_egress.media.publisher import Deadlines
from tests.support.faulty_rtmp import faulty_server
from tests.support.paper_stream import GOP, Watched, stage

STEADY = 4.0
"""Seconds of stream before."""

GONE = 12.0
"""Seconds without a link, with the deadlines that are in force."""


class Told(msgspec.Struct, frozen=True):
    state: str
    code: str
    down: float
    "Seconds since the link went."
    up: float
    "Since it came back; negative before."


class Loss(msgspec.Struct, frozen=True):
    """What came of it, at one of the two destinations."""

    told: list[Told]
    publications: list[list[int]]
    "The numbers of the pictures of each."

    @property
    def whole(self) -> bool:
        """Each begins at a key frame, and misses none."""
        return all(
            numbers[0] % GOP == 0 and all(b == a + 1 for a, b in pairwise(numbers))
            for numbers in self.publications
        )


def link(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def able() -> bool:
    """Whether this machine lets us make a network namespace."""
    try:
        return subprocess.run([*INSIDE, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


async def lose(steady: float, gone: float, deadlines: Deadlines) -> Loss:
    link("up")
    async with faulty_server("ok") as one, faulty_server("ok") as other:
        urls = one.url("live/a").replace("localhost", "127.0.0.1"), other.url("live/b")
        async with stage(urls[0], urls[1], deadlines) as (_, a, _b):
            await asyncio.sleep(steady)
            link("down")
            down = time.monotonic()
            await asyncio.sleep(gone)
            link("up")
            up = time.monotonic()
            await a.until(lambda told: told.state == "publishing" and told.attempt > 1)
            await asyncio.sleep(1)
            told = report(a, down, up)
        publications = await one.pictures()
    numbers = [[number for _, number in publication] for publication in publications]
    return Loss(told, [each for each in numbers if each])


def report(watched: Watched, down: float, up: float) -> list[Told]:
    return [
        Told(told.state, told.code, at - down, at - up)
        for told, at in zip(watched.told, watched.at, strict=True)
        if at > down
    ]


INSIDE = ["unshare", "--map-root-user", "--net"]


def lost(steady: float = STEADY, gone: float = GONE, scale: float = 1.0) -> Loss:
    """In a namespace of its own; `scale` shortens the deadlines."""
    module = [sys.executable, "-m", "tests.support.link_loss", "inside"]
    words = [*INSIDE, *module, str(steady), str(gone), str(scale)]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=60)
    return msgspec.json.decode(done.stdout, type=Loss)


def main() -> None:
    if sys.argv[1:2] == ["inside"]:
        steady, gone, scale = map(float, sys.argv[2:5])
        usual = msgspec.structs.asdict(Deadlines())
        deadlines = Deadlines(**{name: value * scale for name, value in usual.items()})
        found = asyncio.run(lose(steady, gone, deadlines))
        sys.stdout.buffer.write(msgspec.json.encode(found))
        return
    found = lost()
    for told in found.told:
        back = f", {told.up:.1f} s after it came back" if told.up > 0 else ""
        print(f"{told.state:11} {told.code:16} {told.down:5.1f} s after it went{back}")
    print("pictures:", ", ".join(f"{of[0]} to {of[-1]}" for of in found.publications))


if __name__ == "__main__":
    main()
