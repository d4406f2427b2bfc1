"""`rostrum backup` and `rostrum restore`, as they are typed."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.failure import Failure
from cli.place import data_dir, stack
from cli.stack import running
from proto import subjects

PATIENCE = 20.0
"""Seconds for nats-server to be there with all its streams; it takes one."""

LOOK = 0.1
"""Seconds between looks for it."""

Events = Annotated[
    bool, typer.Option("--events", help="With the event streams: history, and all that runs.")
]


def backup(
    place: Annotated[
        Path,
        typer.Argument(metavar="FILE|DIR", help="In a directory it gets a name with the time."),
    ],
    events: Events = False,
) -> None:
    """Keep what is configured in one file; addresses in it stay sealed."""
    at = datetime.now(UTC)
    path = place / _name("rostrum", at) if place.is_dir() else place
    if path.exists():
        raise Failure(f"{path} is there already", 2)
    asyncio.run(_backup(path, at, events))


async def _backup(path: Path, at: datetime, events: bool) -> None:
    from cli import bus
    from cli.backup.take import take

    with _plainly():
        async with bus.connected(bus.settings()) as one:
            manifest = await take(one, path, at, bus.sealer(), streams=events)
    for name, member in manifest.members.items():
        typer.echo(f"{name}: {member.count}, {member.size} bytes")
    if manifest.key:
        typer.echo(f"Its addresses are sealed under the key {manifest.key}: keep that key, too.")
    typer.echo(str(path))


def restore(
    file: Annotated[Path, typer.Argument(help="What `rostrum backup` wrote.")],
    events: Events = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at everything, say what differs, write nothing.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="What is configured here and not in the file goes."),
    ] = False,
) -> None:
    """Bring back what a backup has: all of it or nothing.

    Event streams only while no service runs. On this machine the bus is started for it.
    """
    with _bus(alone=events):
        asyncio.run(_restore(file, events, dry_run, replace))


@contextmanager
def _bus(*, alone: bool) -> Iterator[None]:
    """For streams, and if nothing else is said: the stack of this machine without its services."""
    if not alone or "ROSTRUM_NATS_URL" in os.environ or stack(data_dir()):
        yield
        return
    with running(data_dir(), "--services", "", "--port", "0"):
        asyncio.run(_provisioned())
        yield


async def _provisioned() -> None:
    """Wait until the server is there and has every stream; the last one is the store of themes."""
    from nats.js.errors import NotFoundError

    from cli import bus

    end = time.monotonic() + PATIENCE
    while True:
        try:
            async with bus.connected(bus.settings()) as one:
                await one.js.stream_info(f"OBJ_{subjects.THEMES}")
                return
        except (Failure, NotFoundError):
            if time.monotonic() > end:
                raise
            await asyncio.sleep(LOOK)


async def _restore(file: Path, events: bool, dry_run: bool, replace: bool) -> None:
    from cli import bus
    from cli.backup import archive, give

    at = datetime.now(UTC)
    with _plainly(), archive.reading(file) as one:
        made = one.manifest
        typer.echo(f"Made {made.made_at:%Y-%m-%d %H:%M} UTC by Rostrum {made.version}.")
        async with bus.connected(bus.settings()) as there:
            wanted = await give.look(there, one, bus.sealer(), streams=events)
            for sentence in wanted.sentences():
                typer.echo(sentence)
            if made.running and wanted.streams:
                typer.echo(f"These go on when the services start: {', '.join(made.running)}.")
            occupied = await give.occupied(there, wanted)
            if occupied:
                typer.echo(f"Here already: {'; '.join(occupied)}.")
            if dry_run:
                typer.echo("Nothing was written.")
                return
            if occupied and not replace:
                raise Failure("this cluster is not empty; --replace does it nevertheless")
            safety = file.parent / _name("rostrum-before-restore", at)
            await give.give(there, one, wanted, safety, at)
    typer.echo(f"Restored. What was there before is in {safety}.")
    if wanted.streams:
        typer.echo("Start the services now.")


def _name(what: str, at: datetime) -> str:
    return f"{what}-{at:%Y-%m-%dT%H-%M-%S}.tar"


@contextmanager
def _plainly() -> Iterator[None]:
    """What is wrong with the file or the bus, as a sentence."""
    from nats.errors import Error

    from cli.backup.words import Unreadable

    try:
        yield
    except Unreadable as exc:
        raise Failure(f"the file cannot be restored: {exc}", 2) from None
    except (Error, TimeoutError) as exc:
        raise Failure(
            f"NATS did not answer ({type(exc).__name__}); may this user do it? It is `operator`", 2
        ) from None
    except OSError as exc:
        raise Failure(f"file: {exc.strerror}", 2) from exc
