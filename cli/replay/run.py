"""`rostrum events replay`: the stack, the players of all conferences, and what came out."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import typer
from nats.aio.client import Client

from cli.failure import Failure
from cli.log.diff import Change
from cli.log.read import Entry, Export, Log
from cli.replay.certificate import certificate
from cli.replay.judge import judge
from cli.replay.plan import locations, plans
from cli.replay.player import Player
from cli.replay.sink import sinking
from cli.replay.stage import Stage
from cli.stack import running
from kit import logs
from kit.boot import connect
from kit.secrets import Sealer

SERVICES = "conference_state,scheduler,mixer,rtmp_egress"
"""No routing, which would have to open addresses, and no gateway, whom somebody could ask."""

LONGEST_GAP = 3.0
"""Seconds of the log in which nothing happened that are waited for; the rest is jumped over."""

AS_FAST_AS_CAN_BE = 100.0

ENDING = 10.0
"""Seconds after the end for streams and the mix to be ended."""

SETTLE = 3.0
"""Seconds then for the last of it to be stored."""

GLANCE = 0.2
"""Seconds between looks at all that is stored."""


class Outcome(msgspec.Struct, frozen=True):
    messages: int
    decided: int
    "Commits of the logs that came about again."
    differently: list[str]
    changes: list[Change]
    left_out: list[str]
    "What could not be brought about here, for people."


def run(export: Export, speed: float, *, as_json: bool) -> int:
    """Replay and compare; 0 if everything came out the same."""
    logs.configure("replay", "error")
    outcome = replay(export, speed)
    from cli.events import show

    differs = bool(outcome.differently or outcome.changes)
    if as_json:
        typer.echo(msgspec.json.encode(_told(outcome)).decode())
        return int(differs)
    for line in outcome.differently:
        typer.echo(f"decided otherwise: {line}")
    show(outcome.changes, as_json=False)
    for line in outcome.left_out:
        typer.echo(f"not made again: {line}", err=True)
    typer.echo(
        f"{outcome.messages} messages of {len(export.logs)} conferences replayed,"
        f" {outcome.decided} decisions made again"
        + ("." if differs else ": the same views, layouts and destinations."),
        err=differs,
    )
    if differs:
        typer.echo("The replay differs from the log.", err=True)
    return int(differs)


def _told(outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(outcome)
    return told


def replay(export: Export, speed: float) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="rostrum-replay-") as directory:
        place = Path(directory)
        pem = certificate(place, datetime.now(UTC))
        where = {location for log in export.logs for location in locations(log)}
        env = {"ROSTRUM_REPLAY": "true", "ROSTRUM_TLS_CA_FILE": str(pem.file)}
        if len(where) == 1:
            env["ROSTRUM_LOCATION"] = next(iter(where))
        options = ("--services", SERVICES)
        with running(place / "data", *options, env=env, isolated=True) as stack:
            url = Path(stack["nats_url_file"]).read_text()
            sealer = Sealer.from_env(
                {"ROSTRUM_SECRET_KEY_FILE": str(place / "data" / "secret.key")}
            )

            async def played() -> Outcome:
                async with connected(url) as nc, sinking(pem, place / "sink.log") as sink:
                    stage = Stage(nc, sealer, sink)
                    return await _replay(export, stage, speed, keep_location=len(where) == 1)

            return asyncio.run(played())


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    nc = await connect("replay", [url])
    try:
        yield nc
    finally:
        await nc.close()


async def _replay(export: Export, stage: Stage, speed: float, *, keep_location: bool) -> Outcome:
    players = {
        log.conference: Player(stage, log, keep_location=keep_location) for log in export.logs
    }
    doing = "the stack's start"
    try:
        await stage.ready()
        for player in players.values():
            await player.begin()
        await _play(players, export.logs, speed)
        for player in players.values():
            await player.settle(ENDING)
        changes = [c for log in export.logs for c in await _judged(stage, log)]
    except TimeoutError:
        doing = next((p.doing for p in players.values() if p.doing != "the start"), doing)
        raise Failure(f"the replay stands still: {doing} takes too long") from None
    return Outcome(
        sum(len(log.entries) for log in export.logs),
        sum(player.decided for player in players.values()),
        [line for player in players.values() for line in player.differently],
        changes,
        _left_out(export),
    )


async def _judged(stage: Stage, log: Log) -> list[Change]:
    """The differences that are left when everything has had its time."""
    changes: list[Change] = []
    for _ in range(int(SETTLE / GLANCE)):
        changes = judge(log, await stage.log(log.conference))
        if not changes:
            break
        await asyncio.sleep(GLANCE)
    return changes


async def _play(players: dict[str, Player], recorded: list[Log], speed: float) -> None:
    messages: list[tuple[Entry, Player]] = sorted(
        ((entry, players[log.conference]) for log in recorded for entry in log.entries),
        key=lambda message: message[0].line.time,
    )
    before = None
    for entry, player in messages:
        if before is not None and speed < AS_FAST_AS_CAN_BE:
            gap = (entry.line.time - before).total_seconds()
            await asyncio.sleep(max(0.0, min(gap, LONGEST_GAP)) / speed)
        before = entry.line.time
        await player.play(entry)


def _left_out(export: Export) -> list[str]:
    strange = Counter(
        code for log in export.logs for plan in plans(log).values() for code in plan.strange()
    )
    return [f"{code}: an address that refuses stands for it" for code in sorted(strange)]
