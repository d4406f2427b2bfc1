"""What is promised of blobs, and of the files that a machine keeps of them."""

import os
from pathlib import Path

import pytest
from nats.aio.client import Client

from kit.blobs import Blobs, digest
from services.mixer.wardrobe import Wardrobe

pytestmark = pytest.mark.nats

LARGE = bytes(range(256)) * 2000
"""More than one chunk."""


async def test_what_is_put_is_found_by_what_it_is(nc: Client) -> None:
    blobs = await Blobs.ensure(nc.jetstream(), "things")
    name = await blobs.put(LARGE)
    assert name == digest(LARGE)
    assert await blobs.put(LARGE) == name
    again = await Blobs.ensure(nc.jetstream(), "things")
    assert await again.get(name) == LARGE
    assert await again.has(name)


async def test_what_is_not_there_or_deleted_is_nothing(nc: Client) -> None:
    blobs = await Blobs.ensure(nc.jetstream(), "things")
    assert await blobs.get("0" * 64) is None
    await blobs.delete("0" * 64)
    name = await blobs.put(b"something")
    await blobs.delete(name)
    assert await blobs.get(name) is None
    assert not await blobs.has(name)
    assert await blobs.get(await blobs.put(b"something")) == b"something"


async def test_what_is_not_what_its_name_says_is_nothing(nc: Client) -> None:
    blobs = await Blobs.ensure(nc.jetstream(), "things")
    store = await nc.jetstream().object_store("things")
    await store.put("f" * 64, b"something else")
    assert await blobs.get("f" * 64) is None


async def test_a_machine_fetches_a_package_once_and_again_if_it_is_spoilt(
    nc: Client, tmp_path: Path
) -> None:
    blobs = await Blobs.ensure(nc.jetstream(), "things")
    name = await blobs.put(LARGE)
    mine = Wardrobe(blobs, tmp_path / "themes")
    path = await mine.fetch(name)
    assert path is not None
    assert path.read_bytes() == LARGE
    await blobs.delete(name)
    assert await mine.fetch(name) == path
    path.write_bytes(b"spoilt")
    assert await mine.fetch(name) is None
    await blobs.put(LARGE)
    assert await mine.fetch(name) == path
    assert path.read_bytes() == LARGE


async def test_a_machine_keeps_no_more_packages_than_it_may(nc: Client, tmp_path: Path) -> None:
    blobs = await Blobs.ensure(nc.jetstream(), "things")
    mine = Wardrobe(blobs, tmp_path / "themes", kept=3)
    for n in range(5):
        await mine.fetch(await blobs.put(bytes([n])))
    assert len(os.listdir(tmp_path / "themes")) == 3  # noqa: PTH208 - a moment in a test
