"""`rostrum events`: take a conference's log out, and play it back."""

from pathlib import Path
from typing import Annotated

import typer

from cli.api import OURS, Api, segment
from cli.people import ConferenceName

app = typer.Typer(help="Events: export, replay.", no_args_is_help=True)


@app.command()
def export(context: typer.Context, conference: ConferenceName) -> None:
    """Print every event of a conference as lines of JSON; no URL in them can be opened."""
    for line in Api.of(context).lines(f"{OURS}/conferences/{segment(conference)}/log.jsonl"):
        typer.echo(line)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="What `events export` printed.")],
    speed: Annotated[float, typer.Option(min=0.1, max=100, help="Times faster than life.")] = 1.0,
) -> None:
    """Play a log into a fresh stack, and compare views and layouts with what was recorded."""
    from cli.replay import run  # Brings NATS along, which no other command needs.

    raise typer.Exit(run(file, speed))
