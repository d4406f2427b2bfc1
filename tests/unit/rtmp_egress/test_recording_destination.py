"""A disk that hangs costs its recording whole groups of pictures, and nobody else anything."""

import asyncio
import threading
import time
from collections.abc import Iterable
from typing import Any

from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Bus, Limits, Timed
from services.rtmp_egress.media.flv import AUDIO, VIDEO, FlvTag
from services.rtmp_egress.recording import errors
from services.rtmp_egress.recording.destination import Recording
from services.rtmp_egress.recording.errors import RecordingError

GOP, STEP = 10, 40


class Disk:
    """A recorder whose disk hangs until it is let go."""

    def __init__(self, fails: errors.Code | None = None) -> None:
        self.go = threading.Event()
        self.written: list[int] = []
        self.lost = 0
        self.closed = self.abandoned = False
        self.bytes_out = 0
        self._fails = fails

    @property
    def begun(self) -> bool:
        return bool(self.written)

    def open(self) -> None:
        pass

    def write(self, tags: Iterable[Timed], base: int, lost: int) -> None:
        self.go.wait(20)
        if self._fails:
            raise RecordingError(self._fails, "said the disk")
        self.lost = lost
        self.written += [base + tag.timestamp for tag in tags if tag.kind == VIDEO]

    def until(self, picture: int) -> None:
        deadline = time.monotonic() + 15
        while picture not in self.written:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def close(self) -> None:
        self.closed = True

    def abandon(self) -> None:
        self.abandoned = True


def pictures(first: int, count: int) -> list[FlvTag]:
    return [
        FlvTag(VIDEO, n * STEP, bytes(50), key_frame=n % GOP == 0)
        for n in range(first, first + count)
    ]


def recording(disk: Disk, bus: Bus, told: list[core.Tell]) -> Recording:
    anything: Any = disk
    return Recording(bus, anything, lambda _, tell: told.append(tell), Limits(1000, 1 << 20))


async def test_a_slow_disk_loses_whole_groups_and_the_bus_never_waits() -> None:
    disk, bus, told = Disk(), Bus(Limits(10_000, 1 << 20)), list[core.Tell]()
    one = recording(disk, bus, told)
    other = bus.join(lambda: None)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(one.run())
        await asyncio.sleep(0)
        for n in range(0, 200, 5):
            bus.put(pictures(n, 5))
            await asyncio.sleep(0)
        assert other.dropped_frames == 0
        disk.go.set()
        await asyncio.to_thread(disk.until, 199 * STEP)
        one.remove()

    assert one.dropped_frames == disk.lost > 0
    assert len(disk.written) + disk.lost == 200
    missing = [n for n in range(200) if n * STEP not in disk.written]
    after = [n for n in range(1, 200) if n in missing or n - 1 not in missing]
    resumed = [n for n in range(1, 200) if n not in missing and n - 1 in missing]
    assert after
    assert all(n % GOP == 0 for n in resumed), "it goes on at a key frame"
    assert [tell.state for tell in told] == ["connecting", "publishing", "stopped"]
    assert disk.closed


async def test_a_disk_that_fails_ends_the_recording_with_its_reason() -> None:
    disk, bus, told = Disk("disk-full"), Bus(Limits()), list[core.Tell]()
    disk.go.set()
    one = recording(disk, bus, told)
    bus.put(pictures(0, 5))
    await one.run()
    assert [(tell.state, tell.code) for tell in told][-1] == ("failed", "disk-full")
    assert disk.abandoned
    bus.put([*pictures(5, 5), FlvTag(AUDIO, 400, b"x")])  # nobody is there to take it
    assert one.ended.is_set()
