"""`rostrum workers`: the mixers and egress workers that run."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.api import OURS, Api, segment

app = typer.Typer(
    help="Mixers and egress workers: list, drain.",
    invoke_without_command=True,
)

WORKERS = f"{OURS}/workers"


@app.callback()
def workers(context: typer.Context) -> None:
    """Who mixes and who streams."""
    if context.invoked_subcommand is None:
        show(context)


@app.command("list")
def show(context: typer.Context) -> None:
    """List the workers that are alive, with what they do and could do."""
    found = Api.of(context).get(f"{WORKERS}/")["workers"]
    if not found:
        typer.echo("There is no worker.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in (
        "name",
        "kind",
        "location",
        "host",
        "used",
        "capacity",
        "load",
        "encoders",
        "state",
    ):
        table.add_column(column)
    for one in found:
        table.add_row(
            Text(one["worker"]),
            one["kind"],
            Text(one["location"]),
            Text(one["host"]),
            str(one["used"]),
            str(one["capacity"]),
            f"{one['load']:.2f}",
            ", ".join(one["encoders"]),
            "draining" if one["draining"] else "",
        )
    Console().print(table)


@app.command()
def drain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="As `rostrum workers` has it.")],
    seconds: Annotated[
        float, typer.Option(min=0, help="After which it ends, whatever it still does.")
    ] = 60.0,
) -> None:
    """Have others take over what a worker does; then it ends."""
    path = f"{WORKERS}/{segment(name)}/drain/"
    used = Api.of(context).post(path, {"seconds": seconds}).json()["used"]
    typer.echo(f"{name} takes no new work; it still does {used}.")
