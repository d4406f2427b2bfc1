"""`rostrum record` and `rostrum recordings`: make, list, show, fetch, delete recordings."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.api import OURS, Api, segment
from cli.failure import Failure
from cli.people import ConferenceName

app = typer.Typer(help="Recordings: list, show, fetch, delete.", invoke_without_command=True)

RECORDINGS = f"{OURS}/recordings"

SHORTEST = 4
"""Characters of an id's beginning that may stand for it."""

RecordingName = Annotated[
    str, typer.Argument(metavar="RECORDING", help="Id or its beginning, or a name.")
]


def record(
    context: typer.Context,
    conference: ConferenceName,
    name: Annotated[
        str,
        typer.Option(help="Of the files; {conference}, {date} and {time} are filled in."),
    ] = "",
    slides: Annotated[
        bool, typer.Option("--slides", help="The presentation in a recording of its own.")
    ] = False,
) -> None:
    """Record a conference; prints the participant's id, which `rostrum hangup` stops."""
    path = f"{OURS}/conferences/{segment(conference)}/recordings/"
    made = Api.of(context).post(path, {"name": name, "slides": slides})
    typer.echo(made.json()["participant"])


@app.callback()
def recordings(context: typer.Context) -> None:
    """What was recorded, newest first."""
    if context.invoked_subcommand is None:
        show_all(context)


@app.command("list")
def show_all(context: typer.Context) -> None:
    """List all recordings, newest first."""
    found = Api.of(context).get(f"{RECORDINGS}/")["recordings"]
    if not found:
        typer.echo("Nothing was recorded yet; `rostrum record CONFERENCE` does it.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("name", "conference", "started", "length", "size", "state", "id"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(
            Text(one["name"]),
            Text(one["conference_name"]),
            (one["started_at"] or "")[:19].replace("T", " "),
            "…" if one["state"] == "recording" else length(one["seconds"]),
            size(one["size"]),
            " ".join(filter(None, (one["state"], one["code"]))),
            Text(one["recording"], "dim"),
        )
    Console().print(table)


@app.command()
def show(context: typer.Context, recording: RecordingName) -> None:
    """Files, people and chapters of a recording."""
    api = Api.of(context)
    known = api.get(f"{RECORDINGS}/{segment(_find(api, recording)['recording'])}/")
    console = Console()
    console.print(Text(f"{known['name']}  {known['conference_name']}", "bold"))
    console.print(f"{known['started_at'] or 'no picture yet'}, {length(known['seconds'])}")
    if known["reason"]:
        console.print(Text(f"ended: {known['reason']} ({known['code']})"))
    for part in known["parts"]:
        cut = "  not closed properly" if part["cut"] else ""
        line = f"  {length(part['at'])}  {part['file']}  {length(part['seconds'])}"
        console.print(Text(f"{line}  {size(part['size'])}{cut}"))
    for mark in known["marks"]:
        console.print(Text(f"  {length(mark['at'])}  {mark['title']}"))
    for one in known["people"]:
        until = "…" if one["until"] is None else length(one["until"])
        console.print(Text(f"  {length(one['since'])} to {until}  {one['display_name']}"))
    for warning in known["warnings"]:
        console.print(Text(f"  {length(warning['at'])}  {warning['reason']} ({warning['code']})"))


@app.command()
def fetch(
    context: typer.Context,
    recording: RecordingName,
    to: Annotated[Path, typer.Option(help="Directory for the files.")] = Path(),
) -> None:
    """Download the files of a recording; prints their names."""
    api = Api.of(context)
    for part in _find(api, recording)["parts"]:
        file = to / Path(part["file"]).name
        partial = file.with_name(f"{file.name}.part")
        digest = hashlib.sha256()
        with partial.open("wb") as out:
            for chunk in api.chunks(part["url"]):
                digest.update(chunk)
                out.write(chunk)
        if part["sha256"] and digest.hexdigest() != part["sha256"]:
            partial.unlink()
            raise Failure(f"{file.name}: what came is not what was recorded; try again")
        partial.rename(file)
        typer.echo(str(file))


@app.command()
def delete(context: typer.Context, recording: RecordingName) -> None:
    """Delete a recording and its files."""
    api = Api.of(context)
    ident = _find(api, recording)["recording"]
    api.request("DELETE", f"{RECORDINGS}/{segment(ident)}/")


def _find(api: Api, wanted: str) -> dict[str, Any]:
    known: list[dict[str, Any]] = api.get(f"{RECORDINGS}/")["recordings"]
    same = [r for r in known if wanted in (r["recording"], r["name"])]
    found = same or [
        r for r in known if len(wanted) >= SHORTEST and r["recording"].startswith(wanted)
    ]
    if not found:
        raise Failure("recording: there is none with this id or name")
    if len(found) > 1:
        raise Failure(f"recording: this means {len(found)} of them; give the whole id")
    return found[0]


def length(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
