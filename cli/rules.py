"""`rostrum rules`: call routing rules."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.api import CONFIGURATION, Api
from cli.failure import Failure

app = typer.Typer(help="Call routing rules: list, add, remove.", invoke_without_command=True)

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
    for column in ("priority", "name", "match", "replace", "location", "enabled"):
        table.add_column(column, overflow="fold")
    for rule in sorted(found, key=lambda rule: (rule["priority"], rule["name"])):
        table.add_row(
            str(rule["priority"]),
            Text(rule["name"]),
            Text(rule["match_string"]),
            Text(rule["replace_string"]),
            Text(rule["outgoing_location"] or "any"),
            "yes" if rule["enable"] else "no",
        )
    Console().print(table)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument()],
    match: Annotated[str, typer.Option(help="Regular expression for the whole URL.")] = ANY_STREAM,
    replace: Annotated[str, typer.Option(help="Empty: dial the URL as it is.")] = "",
    priority: Annotated[int, typer.Option(min=1, max=200)] = 100,
    location: Annotated[str, typer.Option(help="System location to dial from.")] = "",
) -> None:
    """Add a rule for calls out of conferences by RTMP; prints its id."""
    body = {
        "name": name,
        "priority": priority,
        "match_string": match,
        "match_string_full": True,
        "match_incoming_calls": False,
        "match_outgoing_calls": True,
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
