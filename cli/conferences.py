"""`rostrum conferences`: what is configured, who is in, what is streamed."""

import time
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.api import CONFIGURATION, OURS, Api
from cli.failure import Failure
from proto.layouts import CLIENT_NAMES, DEFAULT, client_name

app = typer.Typer(help="Conferences: list, add, remove.", invoke_without_command=True)

WATCH_EVERY = 1.0
"""Seconds between two looks of --watch."""


VIEWS = {client: view for view, client in CLIENT_NAMES.items()}


@app.callback()
def conferences(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Keep the list up to date.")] = False,
) -> None:
    """List conferences with their participants."""
    if context.invoked_subcommand is not None:
        return
    api = Api.of(context)
    if not watch:
        Console().print(_now(api))
        return
    with Live(auto_refresh=False) as live:
        while True:
            live.update(_now(api), refresh=True)
            time.sleep(WATCH_EVERY)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument()],
    alias: Annotated[list[str] | None, typer.Option(help="May be given again.")] = None,
    layout: Annotated[
        str, typer.Option(help="By any of its names, e.g. 1:7, 3x3 or ac.")
    ] = DEFAULT,
    limit: Annotated[int | None, typer.Option(help="Participants at most.")] = None,
) -> None:
    """Configure a conference; prints its id. Without --alias the name is one."""
    known = client_name(layout)
    if known is None:
        raise Failure(f"layout: one of {' '.join(VIEWS)}")
    body = {
        "name": name,
        "aliases": [{"alias": each} for each in alias or [name]],
        "host_view": VIEWS[known],
        "participant_limit": limit,
    }
    made = Api.of(context).post(f"{CONFIGURATION}/conference/", body)
    typer.echo(made.headers["Location"].rstrip("/").rsplit("/", 1)[-1])


@app.command()
def remove(
    context: typer.Context, conference: Annotated[str, typer.Argument(help="Alias or name.")]
) -> None:
    """Delete a conference; one that is running ends."""
    api = Api.of(context)
    for known in api.all("conference"):
        aliases = [alias["alias"].casefold() for alias in known["aliases"]]
        if conference.casefold() in (*aliases, known["name"].casefold()):
            api.request("DELETE", known["resource_uri"])
            return
    raise Failure("conference: no conference has this alias or name")


def _now(api: Api) -> Group | Text:
    return picture(api.get(f"{OURS}/conferences/")["conferences"])


def picture(found: list[dict[str, Any]]) -> Group | Text:
    """All conferences as tables."""
    if not found:
        return Text("No conference is configured yet; `rostrum conferences add NAME` does it.")
    return Group(*(_shown(conference) for conference in found))


def _shown(conference: dict[str, Any]) -> Group:
    state = "running" if conference["running"] else "not running"
    streaming = " · streaming" if conference["streaming"] else ""
    title = Text(conference["name"], "bold")
    through = "gateway call · " if conference["service_type"] == "gateway" else ""
    called = ", ".join(conference["aliases"]) or conference["conference"]
    title.append(f"  {called}  {through}{state}{streaming}", "dim")
    if not conference["participants"]:
        return Group(title, Text("  nobody is here\n", "dim"))
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("participant", "role", "state", "what", "id"):
        table.add_column(column, overflow="fold")
    for participant in conference["participants"]:
        table.add_row(
            Text(participant["display_name"]),
            participant["role"],
            Text(" ".join(filter(None, (participant["state"], participant["detail"])))),
            _what(participant),
            Text(participant["participant"][:8], "dim"),
        )
    return Group(title, table, Text())


def _what(participant: dict[str, Any]) -> Text:
    marks = Text()
    if participant["presenting"]:
        marks.append("presenting ", "bold")
    if participant["is_streaming"]:
        marks.append("STREAM ", "bold red")
    url = participant["destination"] or participant["media"]
    if url:
        # Of a file the name says enough.
        shown = url["url"].rsplit("/", 1)[-1] if url["scheme"] == "file" else url["url"]
        marks.append(shown)
        if participant["destination"]:
            marks.append(f" #{url['fingerprint']}", "dim")
    return marks
