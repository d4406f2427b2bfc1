"""What a cut cable does to a stream: `python -m tests.support.link_loss`, by hand, on Linux.

The stream runs in a network namespace of its own, whose loopback is taken down for a while and up
again; making one needs rights that not every machine gives, so this is no test. Prints how long it
takes to notice and to be back.
"""

import asyncio
import subprocess
import sys
import time

from services.rtmp_egress.media.publisher import Deadlines
from tests.support.faulty_rtmp import faulty_server
from tests.support.paper_stream import Watched, stage

STEADY, GONE = 4.0, 12.0
"""Seconds of stream before, and without a link."""


def link(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


async def lose() -> None:
    link("up")
    async with faulty_server("ok") as one, faulty_server("ok") as other:
        urls = one.url("live/a").replace("localhost", "127.0.0.1"), other.url("live/b")
        async with stage(urls[0], urls[1], Deadlines()) as (_, a, _b):
            await asyncio.sleep(STEADY)
            link("down")
            down = time.monotonic()
            await asyncio.sleep(GONE)
            link("up")
            up = time.monotonic()
            await a.until(lambda told: told.state == "publishing" and told.attempt > 1)
            report(a, down, up)
        publications = await one.pictures()
    numbers = [[number for _, number in publication] for publication in publications]
    print("pictures:", ", ".join(f"{of[0]} to {of[-1]}" for of in numbers if of))


def report(watched: Watched, down: float, up: float) -> None:
    for told, at in zip(watched.told, watched.at, strict=True):
        if at > down:
            since = f"{at - down:5.1f} s after it went" + (
                f", {at - up:.1f} s after it came back" if at > up else ""
            )
            print(f"{told.state:11} {told.code:16} {since}")


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        asyncio.run(lose())
    else:
        again = [sys.executable, "-m", "tests.support.link_loss", "inside"]
        sys.exit(subprocess.run(["unshare", "--map-root-user", "--net", *again]).returncode)
