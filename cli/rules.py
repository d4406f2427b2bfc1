"""`rostrum rules`: call routing rules."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.api import CONFIGURATION, OURS, Api
from cli.failure import Failure
from cli.people import Source
from cli.secret import given

app = typer.Typer(help="Call routing rules: list, add, remove, test.", invoke_without_command=True)

RESOURCE = "gateway_routing_rule"
ANY_STREAM = "rtmps?://(.*)"


@app.callback()
def rules(context: typer.Context) -> None:
    """Call routing rules: the first enabled one that matches decides."""
    if context.invoked_subcommand is None:
        show(context)


@app.command("list")
def show(context: typer.Context) -> None:
    """List the rules in the order in which they are tried."""
    found = Api.of(context).all(RESOURCE)
    if not found:
        typer.echo("There is no rule yet; `rostrum rules add Streaming` lets every stream out.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("priority", "name", "match", "replace", "for", "location", "enabled"):
        table.add_column(column, overflow="fold")
    for rule in sorted(found, key=lambda rule: (rule["priority"], rule["name"])):
        table.add_row(
            str(rule["priority"]),
            Text(rule["name"]),
            Text(rule["match_string"]),
            Text(rule["replace_string"]),
            _directions(rule),
            Text(rule["outgoing_location"] or "any"),
            "yes" if rule["enable"] else "no",
        )
    Console().print(table)


def _directions(rule: dict[str, Any]) -> str:
    known = {"match_outgoing_calls": "outgoing", "match_incoming_calls": "incoming"}
    return ", ".join(word for field, word in known.items() if rule[field]) or "nothing"


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument()],
    match: Annotated[str, typer.Option(help="Regular expression for the whole URL.")] = ANY_STREAM,
    replace: Annotated[str, typer.Option(help="Empty: dial the URL as it is.")] = "",
    priority: Annotated[int, typer.Option(min=1, max=200)] = 100,
    location: Annotated[str, typer.Option(help="System location to dial from.")] = "",
    incoming: Annotated[
        bool, typer.Option("--incoming/--outgoing", help="For calls to us, or out of conferences.")
    ] = False,
) -> None:
    """Add a rule for calls by RTMP, out of conferences or through us; prints its id."""
    body = {
        "name": name,
        "priority": priority,
        "match_string": match,
        "match_string_full": True,
        "match_incoming_calls": incoming,
        "match_outgoing_calls": not incoming,
        "replace_string": replace,
        "outgoing_protocol": "rtmp",
        "outgoing_location": location or None,
    }
    made = Api.of(context).post(f"{CONFIGURATION}/{RESOURCE}/", body)
    typer.echo(made.headers["Location"].rstrip("/").rsplit("/", 1)[-1])


@app.command()
def remove(context: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """Delete a rule."""
    api = Api.of(context)
    for rule in api.all(RESOURCE):
        if rule["name"].casefold() == name.casefold():
            api.request("DELETE", rule["resource_uri"])
            return
    raise Failure("name: no rule has this name")


@app.command("test")
def try_out(
    context: typer.Context,
    alias: Annotated[str, typer.Argument(help="What is dialled; -: read it from the input.")],
    incoming: Annotated[
        bool, typer.Option("--incoming/--outgoing", help="To us, or out of a conference.")
    ] = False,
    location: Annotated[str, typer.Option(help="System location that handles the call.")] = "",
    protocol: Annotated[Source, typer.Option(help="Of an incoming call.")] = Source.webrtc,
) -> None:
    """Show what the rules would make of a call; nothing is called. Fails if it would not be."""
    body = {
        "alias": given(alias, "Alias"),
        "direction": "incoming" if incoming else "outgoing",
        "location": location,
        "protocol": protocol.value,
    }
    found = Api.of(context).post(f"{OURS}/rules/test/", body).json()
    _print_tried(found["rules"])
    _print_outcome(found)
    if found["dialled"] is None:
        raise typer.Exit(1)


def _print_tried(tried: list[dict[str, Any]]) -> None:
    """Rules after the one that decided are counted, not listed."""
    reached = [rule for rule in tried if rule["verdict"] != "not-reached"]
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("", "priority", "name", "why"):
        table.add_column(column, overflow="fold")
    for rule in reached:
        mark = "→" if rule["verdict"] == "matched" else ""
        table.add_row(mark, str(rule["priority"]), Text(rule["name"]), Text(rule["reason"]))
    if reached:
        Console().print(table)
    if rest := len(tried) - len(reached):
        typer.echo(f"{rest} more {'rule was' if rest == 1 else 'rules were'} not asked.")


def _print_outcome(found: dict[str, Any]) -> None:
    if found["dialled"] is None:
        typer.echo(f"Not dialled ({found['code']}): {found['reason']}.")
        return
    place = f"location {found['outgoing_location']}" if found["outgoing_location"] else "anywhere"
    typer.echo(f"Dialled: {found['dialled']['url']} ({found['dialled']['fingerprint']})")
    typer.echo(f"From: {place}")
    workers = [f"{worker['worker']} ({_load(worker)})" for worker in found["workers"]]
    typer.echo(f"Workers there now: {', '.join(workers) or 'none'}")


def _load(worker: dict[str, Any]) -> str:
    load = "draining" if worker["draining"] else f"{worker['used']} of {worker['capacity']} used"
    return f"{load}, overflow into {worker['location']}" if worker.get("overflow") else load
