"""`rostrum backup`."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from cli.backup import buckets, snapshots
from cli.backup.archive import Writer
from cli.backup.buckets import Contents
from cli.backup.words import (
    BUCKETS,
    FORMAT,
    WITHOUT_STREAMS,
    Manifest,
    Snapshot,
    Stored,
    bucket_file,
    checked,
    object_file,
    secrets_in,
    stream_file,
)
from cli.bus import Bus
from cli.failure import Failure
from kit.blobs import Blobs
from kit.presence import version
from kit.secrets import Sealer, Unsealable
from proto import subjects
from proto.base import encode
from proto.config import IvrTheme
from proto.views import decode_conference

TRIES = 5
"""Readings of configuration and addresses together."""


async def take(
    bus: Bus, path: Path, at: datetime, sealer: Sealer | None, *, streams: bool
) -> Manifest:
    """Write an archive of what is on the bus now. Raises Failure."""
    kept = await _contents(bus, streams=streams)
    packages = {
        one.package
        for key, (_, value) in kept[subjects.CONFIG].values.items()
        if isinstance(one := checked(subjects.CONFIG, key, value), IvrTheme) and one.package
    }
    try:
        with Writer(path) as writer:
            await _packages(bus, writer, packages)
            taken: dict[str, Snapshot] = {}
            if streams:
                early = kept.pop(subjects.CONFERENCES)
                taken = await _streams(bus, writer)
                late = await buckets.read(bus.js, subjects.CONFERENCES)
                last = int(taken[subjects.stream("conference")].state["last_seq"])
                kept[subjects.CONFERENCES] = fitting(early, late, last)
            for name, contents in kept.items():
                _bucket(writer, name, contents)
            manifest = Manifest(
                FORMAT,
                version(),
                at,
                writer.members,
                await _key(bus, sealer, kept[subjects.SECRETS]),
                taken,
                os.environ.get("ROSTRUM_BUILD", ""),
                _running(kept.get(subjects.CONFERENCES)),
            )
            writer.finish(manifest)
    except OSError as exc:
        raise Failure(f"{path} cannot be written: {exc.strerror}", 2) from exc
    return manifest


async def _contents(bus: Bus, *, streams: bool) -> dict[str, Contents]:
    """The buckets; configuration and the addresses that it refers to as of the same moment."""
    wanted = [name for name, how in BUCKETS.items() if how in WITHOUT_STREAMS]
    if streams:
        wanted.append(subjects.CONFERENCES)
    for _ in range(TRIES):
        kept = {name: await buckets.read(bus.js, name) for name in wanted}
        config = kept[subjects.CONFIG]
        if await buckets.last(bus.js, subjects.CONFIG) == config.revision:
            return kept if streams else {**kept, subjects.SECRETS: _needed(kept)}
    raise Failure("somebody changes the configuration all the time; try again", 2)


def _needed(kept: Mapping[str, Contents]) -> Contents:
    """The addresses that the configuration refers to: others are of calls that go on just now."""
    needed = {
        secret
        for key, (_, value) in kept[subjects.CONFIG].values.items()
        for secret in secrets_in(checked(subjects.CONFIG, key, value))
    }
    secrets = kept[subjects.SECRETS]
    some = {key: stored for key, stored in secrets.values.items() if key in needed}
    return Contents(some, secrets.revision)


def fitting(early: Contents, late: Contents, last: int) -> Contents:
    """Views read before and after their stream, of which each is no newer than the stream."""
    fit = {
        key: stored
        for key, stored in late.values.items()
        if decode_conference(stored[1]).version <= last
    }
    return Contents({**early.values, **fit}, late.revision)


def _running(views: Contents | None) -> list[str]:
    if views is None:
        return []
    found = (decode_conference(value) for _, value in views.values.values())
    return sorted(view.name or view.conference for view in found if view.running)


def _bucket(writer: Writer, name: str, contents: Contents) -> None:
    with tempfile.TemporaryFile() as lines:
        for key, (revision, value) in sorted(contents.values.items()):
            lines.write(encode(Stored(key, revision, value)) + b"\n")
        writer.add(bucket_file(name), lines, count=len(contents.values), revision=contents.revision)


async def _packages(bus: Bus, writer: Writer, wanted: Iterable[str]) -> None:
    store = await Blobs.ensure(bus.js, subjects.THEMES)
    for name in sorted(wanted):
        content = await store.get(name)
        if content is None:
            raise Failure(f"the package of a theme is gone, or damaged ({name[:12]}…)", 2)
        with tempfile.TemporaryFile() as file:
            file.write(content)
            writer.add(object_file(subjects.THEMES, name), file, count=1)


async def _streams(bus: Bus, writer: Writer) -> dict[str, Snapshot]:
    taken = {}
    # What follows from an event is read before it is: nothing is without its cause.
    for family in reversed(subjects.FAMILIES):
        stream = subjects.stream(family)
        with tempfile.TemporaryFile() as file:
            taken[stream] = await snapshots.take(bus.nc, stream, file)
            state = taken[stream].state
            writer.add(
                stream_file(stream),
                file,
                count=int(state.get("messages", 0)),
                revision=int(state.get("last_seq", 0)),
            )
    return taken


async def _key(bus: Bus, sealer: Sealer | None, secrets: Contents) -> str:
    """Which key opens the addresses: ours, if it does, else that of the services."""
    if not secrets.values:
        return ""
    if sealer is not None:
        _, value = next(iter(secrets.values.values()))
        with suppress(Unsealable, UnicodeDecodeError):
            sealer.open(value.decode())
            return sealer.key_fingerprint
        raise Failure("the addresses are sealed under another key than the one that was given", 2)
    return await services_key(bus)


async def services_key(bus: Bus) -> str:
    """Fingerprint of the key that all services have; empty: none that answers has one."""
    keys = {presence.key for presence, _, _ in await bus.presences() if presence.key}
    if len(keys) > 1:
        raise Failure("the services have different keys; see `rostrum doctor --cluster`", 2)
    return keys.pop() if keys else ""


def read_lines(lines: Iterable[bytes]) -> list[Stored]:
    """Of a bucket's file. Raises msgspec.MsgspecError."""
    decoder = msgspec.json.Decoder(Stored)
    return [decoder.decode(line) for line in lines]
