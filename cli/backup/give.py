"""`rostrum restore`: everything is looked at before anything is written."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
import nats.js.errors

from cli.backup import buckets, snapshots
from cli.backup.archive import Archive
from cli.backup.buckets import Contents, Crossed, Onto
from cli.backup.plan import Changes, changes, sentences
from cli.backup.take import read_lines, services_key, take
from cli.backup.words import (
    BUCKETS,
    How,
    Snapshot,
    Unreadable,
    bucket_file,
    checked,
    object_file,
    secrets_in,
    stream_file,
)
from cli.bus import Bus
from cli.failure import Failure
from kit.blobs import Blobs, digest
from kit.follow import OUTAGES
from kit.secrets import Sealer, Unsealable
from proto import subjects
from proto.config import IvrTheme


class Wanted(msgspec.Struct, frozen=True):
    """What is to be done, looked at as far as can be without doing it."""

    buckets: dict[str, Changes]
    there: dict[str, Contents]
    "The buckets as they were when that was decided."
    revisions: dict[str, int]
    "Of the archive."
    packages: list[str]
    streams: list[str]

    def sentences(self) -> Iterator[str]:
        for bucket, found in self.buckets.items():
            yield from sentences(bucket, found)
        if self.packages:
            yield f"themes: {len(self.packages)} packages"


def contents(archive: Archive) -> dict[str, dict[str, bytes]]:
    """The buckets of an archive, each value of which this version can read. Raises Unreadable."""
    found = {}
    for bucket in BUCKETS:
        name = bucket_file(bucket)
        if archive.has(name):
            try:
                lines = read_lines(archive.open(name))
            except msgspec.MsgspecError as exc:
                raise Unreadable(f"{name} cannot be read: {exc}") from None
            found[bucket] = {line.key: line.value for line in lines}
            if not len(lines) == len(found[bucket]) == archive.manifest.members[name].count:
                raise Unreadable(f"{name} does not have as many keys as the manifest says")
            for key, value in found[bucket].items():
                checked(bucket, key, value)
    if subjects.CONFIG not in found:
        raise Unreadable("no configuration is in it")
    return found


def packages(archive: Archive, config: Mapping[str, bytes]) -> list[str]:
    """The packages of its themes, which are what their names say. Raises Unreadable."""
    wanted = set()
    for key, value in config.items():
        one = checked(subjects.CONFIG, key, value)
        if isinstance(one, IvrTheme) and one.package:
            name = object_file(subjects.THEMES, one.package)
            if not archive.has(name) or digest(archive.open(name).read()) != one.package:
                raise Unreadable(f"the package of the theme “{one.name}” is not in it")
            wanted.add(one.package)
    return sorted(wanted)


async def check_key(
    bus: Bus, archive: Archive, sealed: Mapping[str, bytes], sealer: Sealer | None
) -> None:
    """Raises Failure if the addresses could not be opened where they are brought to."""
    if not sealed:
        return
    needed = archive.manifest.key
    have = sealer.key_fingerprint if sealer is not None else await services_key(bus)
    if not have:
        raise Failure(
            f"the addresses in it are sealed under the key {needed}; name that key's file with"
            " ROSTRUM_SECRET_KEY_FILE, or start the services with it first",
            2,
        )
    if needed and have != needed:
        raise Failure(
            f"the addresses in it are sealed under the key {needed}, but here the key is {have}:"
            " put the old key in place of this one (secret.key, or `secret-key` of the Secret),"
            " start the services anew, and then restore",
            2,
        )
    for key, value in sealed.items() if sealer is not None else ():
        try:
            sealer.open(value.decode()) if sealer is not None else None
        except (Unsealable, UnicodeDecodeError):
            raise Failure(f"the address {key} in it cannot be opened with this key", 2) from None


async def look(bus: Bus, archive: Archive, sealer: Sealer | None, *, streams: bool) -> Wanted:
    """Decide, and write nothing. Raises Unreadable or Failure."""
    archived = contents(archive)
    if streams and not archive.manifest.streams:
        raise Failure("no event streams are in it; it was made without --events", 2)
    if streams and (running := await bus.presences()):
        names = ", ".join(sorted({presence.service for presence, _, _ in running}))
        raise Failure(
            f"streams can be put in place only while no service runs; these do: {names}", 2
        )
    await check_key(bus, archive, archived.get(subjects.SECRETS, {}), sealer)
    there = {}
    for bucket in archived:
        if streams or BUCKETS[bucket] != "views":
            there[bucket] = await buckets.read(bus.js, bucket)
    decided = {
        bucket: changes(archived[bucket], there[bucket].plain(), BUCKETS[bucket])
        for bucket in there
    }
    if missing := _needed(archived[subjects.CONFIG]) - archived.get(subjects.SECRETS, {}).keys():
        raise Unreadable(f"{len(missing)} addresses that it refers to are not in it")
    return Wanted(
        decided,
        there,
        {name: archive.manifest.members[bucket_file(name)].revision for name in there},
        packages(archive, archived[subjects.CONFIG]),
        list(archive.manifest.streams) if streams else [],
    )


def _needed(config: Mapping[str, bytes]) -> set[str]:
    """Keys of the addresses that a configuration refers to."""
    return {
        secret
        for key, value in config.items()
        for secret in secrets_in(checked(subjects.CONFIG, key, value))
    }


async def occupied(bus: Bus, wanted: Wanted) -> list[str]:
    """What is there already, for people; nothing: the cluster is an empty one."""
    found = []
    if count := len(wanted.there[subjects.CONFIG].values):
        found.append(f"{count} resources are configured")
    for stream in wanted.streams:
        if count := (await bus.js.stream_info(stream)).state.messages:
            found.append(f"{count} messages are in {stream}")
    return found


async def give(bus: Bus, archive: Archive, wanted: Wanted, safety: Path, at: datetime) -> None:
    """Do it. What was there is kept in the archive `safety` first, and put back if we fail."""
    await take(bus, safety, at, None, streams=bool(wanted.streams))
    done: list[str] = []
    try:
        store = await Blobs.ensure(bus.js, subjects.THEMES)
        for name in wanted.packages:
            await store.put(archive.open(object_file(subjects.THEMES, name)).read())
        if wanted.streams:
            await _streams(bus, archive, wanted.streams)
        # What configuration refers to is there before it is.
        for bucket in sorted(wanted.buckets, key=lambda name: BUCKETS[name] == "replaced"):
            done.append(bucket)
            await _bucket(bus, bucket, wanted)
        await _discard(bus, wanted)
    except (*OUTAGES, Failure, Crossed, Unreadable) as exc:
        why = "somebody else changed it meanwhile" if isinstance(exc, Crossed) else str(exc)
        put_back = await _put_back(bus, done, wanted)
        raise Failure(
            f"it failed: {why or type(exc).__name__}; "
            + ("everything is as it was" if put_back else f"what was there is in {safety}"),
            2,
        ) from exc


async def _bucket(bus: Bus, bucket: str, wanted: Wanted) -> None:
    found, there = wanted.buckets[bucket], wanted.there[bucket]
    how: How = BUCKETS[bucket]
    # Live calls write addresses and recordings all the time, each under a key of its own.
    onto = Onto(bus.js, bucket, there.revision if how == "replaced" else None)
    for key, value in (*found.add.items(), *found.change.items()):
        await onto.put(key, value)
    for key in found.remove:
        await onto.put(key, None)
    if how == "replaced":
        await onto.leap(wanted.revisions[bucket])


async def _discard(bus: Bus, wanted: Wanted) -> None:
    """Delete the addresses that only the configuration of before referred to."""
    if wanted.streams:
        return
    config, sealed = wanted.buckets[subjects.CONFIG], wanted.there[subjects.SECRETS].values
    before = wanted.there[subjects.CONFIG].plain()
    after = {**before, **config.add, **config.change}
    now = {key: value for key, value in after.items() if key not in config.remove}
    onto = Onto(bus.js, subjects.SECRETS, None)
    for secret in sorted(_needed(before) - _needed(now)):
        if secret in sealed:
            await onto.put(secret, None)


async def _put_back(bus: Bus, done: list[str], wanted: Wanted) -> bool:
    """Undo what was written; False: it could not be."""
    try:
        for bucket in reversed(done):
            now = await buckets.read(bus.js, bucket)
            back = changes(wanted.there[bucket].plain(), now.plain(), "merged")
            onto = Onto(bus.js, bucket, None)
            for key, value in (*back.add.items(), *back.change.items()):
                if key in wanted.buckets[bucket].change or key in wanted.buckets[bucket].remove:
                    await onto.put(key, value)
            for key, value in wanted.buckets[bucket].add.items():
                if now.plain().get(key) == value:
                    await onto.put(key, None)
    except (*OUTAGES, Failure, Crossed):
        return False
    return not wanted.streams


async def _streams(bus: Bus, archive: Archive, streams: list[str]) -> None:
    """One after another in the place of what is there; all of what was there if one fails."""
    with tempfile.TemporaryDirectory(prefix="rostrum-restore-") as room:
        before: dict[str, tuple[Snapshot, Path]] = {}
        for stream in streams:
            path = Path(room) / stream
            with path.open("wb") as file:
                before[stream] = (await snapshots.take(bus.nc, stream, file), path)
        gone: list[str] = []
        try:
            for stream in streams:
                await bus.js.delete_stream(stream)
                gone.append(stream)
                pieces = archive.chunks(stream_file(stream), snapshots.CHUNK)
                snapshot = archive.manifest.streams[stream]
                await snapshots.give(bus.nc, stream, snapshot, pieces)
        except (*OUTAGES, Failure, Unreadable):
            for stream in gone:
                with suppress(nats.js.errors.NotFoundError):
                    await bus.js.delete_stream(stream)
                snapshot, path = before[stream]
                with path.open("rb") as file:
                    await snapshots.give(bus.nc, stream, snapshot, _pieces(file))
            raise


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(snapshots.CHUNK):
        yield block
