"""`rostrum webhooks`: event sinks."""

import os
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.api import CONFIGURATION, OURS, Api
from cli.failure import Failure
from cli.secret import given
from proto.webhooks import secret_of

app = typer.Typer(
    help="Event sinks: add, list, show, test, redeliver, rotate, remove.",
    invoke_without_command=True,
)

RESOURCE = "event_sink"
SINKS = f"{OURS}/event_sinks"

Name = Annotated[str, typer.Argument(help="Name of the event sink.")]


@app.callback()
def webhooks(context: typer.Context) -> None:
    """Where events are sent to by HTTP, signed."""
    if context.invoked_subcommand is None:
        show_all(context)


@app.command("list")
def show_all(context: typer.Context) -> None:
    """List event sinks, and how they are."""
    found = Api.of(context).get(f"{SINKS}/")["event_sinks"]
    if not found:
        typer.echo("There is no event sink yet; `rostrum webhooks add NAME URL` adds one.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("name", "url", "state", "delivered", "waiting since", "given up", "last error"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(
            Text(one["name"]),
            Text(one["url"]),
            one["state"],
            str(one["delivered"]),
            one["oldest_waiting"] or "",
            str(one["given_up"]),
            _trouble(one["last_error"]),
        )
    Console().print(table)


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """Show one event sink: what waits, what was given up, and why."""
    api = Api.of(context)
    number = _find(api, name)
    configured = api.get(f"{CONFIGURATION}/{RESOURCE}/{number}/")
    found = api.get(f"{SINKS}/{number}/")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    rows = {
        "name": found["name"],
        "url": found["url"],
        "state": found["state"],
        "events": ", ".join(configured["events"]) or "all",
        "conferences": ", ".join(configured["conferences"]) or "all",
        "locations": ", ".join(found["locations"]) or "all",
        "delivered": found["delivered"],
        "last success": found["last_success"] or "none",
        "conferences that wait": found["waiting_conferences"],
        "oldest that waits": found["oldest_waiting"] or "",
        "next try": found["next_try"] or "",
        "failures in a row": found["failures"],
        "last error": _trouble(found["last_error"]),
        "given up": found["given_up"],
        "old secret": "signs as well" if found["rotating"] else "none",
    }
    for label, value in rows.items():
        table.add_row(label, Text(str(value)))
    Console().print(table)
    if found["dead"]:
        _print_dead(found["dead"])


def _print_dead(dead: list[dict[str, Any]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), title="given up", title_justify="left")
    for column in ("time", "type", "conference", "tries", "why", "id"):
        table.add_column(column, overflow="fold")
    for one in dead:
        table.add_row(
            one["time"],
            one["type"],
            Text(one["conference"]),
            str(one["failures"]),
            one["code"],
            one["id"],
        )
    Console().print(table)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument()],
    url: Annotated[str, typer.Argument(help="http:// or https://; -: read it from the input.")],
    event: Annotated[
        list[str] | None, typer.Option("--event", help="Type of event; default: all.")
    ] = None,
    conference: Annotated[
        list[str] | None, typer.Option("--conference", help="Alias of one; default: all.")
    ] = None,
    bulk: Annotated[bool, typer.Option("--bulk", help="What happens at once in one.")] = False,
    insecure: Annotated[
        bool, typer.Option("--no-verify", help="Do not look at the server's certificate.")
    ] = False,
    max_age: Annotated[
        int, typer.Option(min=1, max=168, help="Hours for which an event is tried.")
    ] = 72,
) -> None:
    """Add an event sink; prints the secret that its requests are signed with, once."""
    api = Api.of(context)
    secret = secret_of(os.urandom(32))
    body = {
        "name": name,
        "url": given(url, "URL"),
        "secret": secret,
        "events": event or [],
        "conferences": [_conference(api, alias) for alias in conference or []],
        "bulk_support": bulk,
        "verify_tls_certificate": not insecure,
        "max_age_hours": max_age,
    }
    api.post(f"{CONFIGURATION}/{RESOURCE}/", body)
    typer.echo(secret)


@app.command()
def test(context: typer.Context, name: Name) -> None:
    """Send a test event, and say what became of it."""
    api = Api.of(context)
    found = api.post(f"{SINKS}/{_find(api, name)}/test/", {}).json()
    if found["code"]:
        raise Failure(f"not taken: {_trouble(found)}")
    typer.echo(f"taken ({found['status']}) in {found['seconds']} s")


@app.command()
def redeliver(context: typer.Context, name: Name) -> None:
    """Try once more what was given up, oldest first, until one is not taken."""
    api = Api.of(context)
    path = f"{SINKS}/{_find(api, name)}/redeliver/"
    delivered = vanished = 0
    while True:
        found = api.post(path, {}).json()
        delivered += found["delivered"]
        vanished += found["vanished"]
        if found["code"] or not found["left"]:
            break
    typer.echo(f"{delivered} delivered, {found['left']} left, {vanished} no longer kept")
    if found["code"]:
        raise Failure(f"not taken: {found['code']}")


@app.command()
def rotate(
    context: typer.Context,
    name: Name,
    finish: Annotated[
        bool, typer.Option("--finish", help="Drop the old secret; make no new one.")
    ] = False,
) -> None:
    """Make a new secret and print it, once; the old one signs as well until `--finish`."""
    api = Api.of(context)
    path = f"{SINKS}/{_find(api, name)}/secret/"
    if finish:
        api.request("DELETE", f"{path}old/")
        return
    typer.echo(api.post(path, {}).json()["secret"])


@app.command()
def enable(
    context: typer.Context,
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="Send nothing until it is on again.")] = False,
) -> None:
    """Send events to a sink again, also to one that said that it is gone."""
    api = Api.of(context)
    path = f"{CONFIGURATION}/{RESOURCE}/{_find(api, name)}/"
    api.request("PATCH", path, {"enable": not off})


@app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Delete an event sink, and what waits for it."""
    api = Api.of(context)
    api.request("DELETE", f"{CONFIGURATION}/{RESOURCE}/{_find(api, name)}/")


def _find(api: Api, name: str) -> int:
    for sink in api.all(RESOURCE):
        if sink["name"].casefold() == name.casefold():
            return int(sink["id"])
    raise Failure("name: no event sink has this name")


def _conference(api: Api, alias: str) -> str:
    for one in api.all("conference_alias"):
        if one["alias"].casefold() == alias.casefold():
            return str(one["conference"])
    raise Failure("conference: no conference has this alias")


def _trouble(trouble: dict[str, Any] | None) -> str:
    if not trouble:
        return ""
    return f"{trouble['code']} {trouble['status']}" if trouble["status"] else str(trouble["code"])
