"""A dual stream while others of its sessions are lost and got back all the time:
`python -m tests.support.long_stream [SECONDS]`.

The whole system streams somebody who flashes and beeps once a second, and flashing slides, to a
real server, whose recordings are judged; other destinations of both sessions are reset and thrown
out for as long as it lasts. Ten minutes are the promise (`make soak-stream`).
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import msgspec

from tests.support.clips import clip
from tests.support.faulty_rtmp import FaultyServer, faulty_server
from tests.support.nginx import nginx
from tests.support.system import System, system, until
from tests.support.watch import RgbPicture, Watched, beeps, flashes, inner, offsets, watch

FPS, GOP = 30, 60

TROUBLE = (("reset", "main"), ("kick", "main"), ("reset", "presentation"))
"""What happens to the others, and in which of the two sessions."""

A_WHILE = 120_000
"""Bytes after which it happens: some seconds of such pictures, so that it is no refusal."""

LOOK = 1.0
"""Seconds between looks whether the others are still there."""


class Figures(msgspec.Struct):
    seconds: float
    pictures: dict[str, int]
    "Of each leg."
    key_frames_apart: dict[str, list[int]]
    "Pictures between two key frames, each distance that there was."
    uneven: dict[str, int]
    "Steps between two pictures that are not a thirtieth of a second, to FLV's millisecond."
    lost_and_got_back: int
    "Reconnects of the other destinations."
    flashes: int
    worst_offset_ms: float
    "Of a flash and its beep, in the first leg."
    legs_apart_ms: float
    """How much the legs' timestamps of the same beep move against each other. Each leg counts from
    its own first picture, so that the distance itself is only when they were connected."""
    slides_apart_ms: float
    "The same for a flash of the slides against the beeps of its own leg."


def _lightness(picture: RgbPicture) -> float:
    return float(picture[::16, ::16].mean())


def legs_apart(first: list[float], second: list[float]) -> float:
    """How far the distance of what comes once a second in both moves about, in seconds."""
    if not first or not second:
        return float("inf")
    near = [at - min(second, key=lambda other: abs(at - other)) for at in first]
    moved = [(each - near[0] + 0.5) % 1 - 0.5 for each in near]
    return max(moved) - min(moved)


def judge(main: Watched, slides: Watched, seconds: float, reconnects: int) -> Figures:
    legs = {"main": main, "presentation": slides}
    flash = {name: inner(flashes(leg.seen, leg.times), leg.times) for name, leg in legs.items()}
    beep = {name: inner(beeps(leg.sound, leg.sound_from), leg.times) for name, leg in legs.items()}
    off = [abs(each) for each in offsets(beep["main"], flash["main"])]
    return Figures(
        seconds,
        {name: len(leg.seen) for name, leg in legs.items()},
        {name: sorted({b - a for a, b in pairwise(leg.keys)}) for name, leg in legs.items()},
        {name: uneven(leg) for name, leg in legs.items()},
        reconnects,
        len(off),
        round(1000 * max(off), 1),
        round(1000 * legs_apart(beep["main"], beep["presentation"]), 1),
        round(1000 * legs_apart(flash["presentation"], beep["presentation"]), 1),
    )


def uneven(watched: Watched) -> int:
    steps = [after - before for before, after in pairwise(watched.times)]
    return sum(abs(step - 1 / FPS) > 0.0011 for step in steps)


@asynccontextmanager
async def heard(server: FaultyServer) -> AsyncIterator[None]:
    """Read what it says, which would halt it otherwise."""

    async def read() -> None:
        assert server.process.stdout is not None
        async for _ in server.process.stdout:
            pass

    reading = asyncio.ensure_future(read())
    try:
        yield
    finally:
        reading.cancel()


async def stream(directory: Path, seconds: float) -> Figures:
    talk = clip(directory / "ann.mp4", flash_every=1.0, tone=300, level=0.02, seconds=4)
    deck = clip(
        directory / "deck.mp4", colour=(60, 60, 120), flash_every=1.0, audio=False, seconds=4
    )
    with (
        nginx(directory / "nginx") as server,
        system(directory / "data", max_pixels_per_second="sd") as stack,
    ):
        async with AsyncExitStack() as others:
            stack.join("Ann", talk, role="host", presentation=str(deck), presenting=True)
            call = stack.dial(server.url("main"), presentation_url=server.url("slides"))
            await asyncio.to_thread(stack.streams, call)
            bad = []
            for fault, content in TROUBLE:
                one = await others.enter_async_context(faulty_server(fault, enough=A_WHILE))
                await others.enter_async_context(heard(one))
                bad.append((one, content))
            await _trouble(stack, bad, seconds)
            stack.hang_up(call)
            await asyncio.to_thread(until, lambda: stack.participant(call) is None)
            told = [e for e in stack.events("destination_changed.v1") if e["participant"] != call]
            reconnects = sum(e["state"] == "publishing" and e["attempt"] > 1 for e in told)
        await asyncio.sleep(1)
        recorded = {key: server.recorded(key) for key in ("main", "slides")}
    assert all(len(files) == 1 for files in recorded.values()), "published to once"
    main, slides = (watch(str(files[0]), look=_lightness) for files in recorded.values())
    return judge(main, slides, seconds, reconnects)


async def _trouble(stack: System, bad: list[tuple[FaultyServer, str]], seconds: float) -> None:
    """Keep the others being called: one that has been given up is called again."""
    end = asyncio.get_running_loop().time() + seconds
    calls: dict[int, str] = {}
    while asyncio.get_running_loop().time() < end:
        for n, (server, content) in enumerate(bad):
            if n not in calls or stack.participant(calls[n]) is None:
                calls[n] = stack.dial(server.url(f"live/{n}"), content=content)
        await asyncio.sleep(LOOK)
    for call in calls.values():
        if stack.participant(call) is not None:
            stack.hang_up(call)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    with tempfile.TemporaryDirectory(prefix="rostrum-") as directory:
        figures = asyncio.run(stream(Path(directory), seconds))
    print(json.dumps(msgspec.to_builtins(figures), indent=1))


if __name__ == "__main__":
    main()
