"""Snapshots for many who ask: how often one is taken, and what happens when none comes."""

import asyncio

import pytest

from proto.mixer import SnapshotKind
from services.mixer.album import FRESH, Album


class Camera:
    """A conference's process; it delivers when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[tuple[int, SnapshotKind]] = []
        self.album = Album(lambda n, kind: self.asked.append((n, kind)), lambda: self.now)

    async def ask(self, kind: SnapshotKind = "preview", of: str = "") -> "asyncio.Task[bytes|None]":
        task = asyncio.ensure_future(self.album.picture(kind, of))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task


async def test_one_picture_serves_all_who_ask_within_two_seconds() -> None:
    camera = Camera()
    first = [await camera.ask() for _ in range(50)]
    camera.album.took(1, b"one")
    camera.now += FRESH - 0.1
    later = await camera.ask()
    assert {await task for task in [*first, later]} == {b"one"}
    assert camera.asked == [(1, "preview")]


async def test_after_two_seconds_there_is_another_one_and_not_before_somebody_asks() -> None:
    camera = Camera()
    task = await camera.ask()
    camera.album.took(1, b"one")
    await task
    camera.now += FRESH
    assert len(camera.asked) == 1
    task = await camera.ask()
    camera.album.took(2, b"two")
    assert await task == b"two"


async def test_kinds_and_presenters_have_their_own() -> None:
    camera = Camera()
    await camera.ask("preview")
    await camera.ask("presentation", "ann")
    await camera.ask("presentation", "bob")
    assert [kind for _, kind in camera.asked] == ["preview", "presentation", "presentation"]


async def test_a_picture_that_does_not_come_is_not_waited_for_for_ever() -> None:
    camera = Camera()
    task = await camera.ask()
    camera.album.lost()
    with pytest.raises(TimeoutError):
        await task
    again = await camera.ask()
    assert len(camera.asked) == 2
    camera.album.took(2, b"two")
    assert await again == b"two"


async def test_one_who_goes_away_spoils_nothing_for_the_others() -> None:
    camera = Camera()
    leaver, stayer = await camera.ask(), await camera.ask()
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    camera.album.took(1, b"one")
    assert await stayer == b"one"
