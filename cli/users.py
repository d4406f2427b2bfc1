"""`rostrum users`: who may use the API."""

import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.api import OURS, Api, segment
from cli.failure import Failure

app = typer.Typer(
    help="Users and tokens of the API: list, add, remove.", invoke_without_command=True
)

USERS = f"{OURS}/users"


@app.callback()
def users(context: typer.Context) -> None:
    """Who may use the API; while there is nobody, everybody on this machine may."""
    if context.invoked_subcommand is None:
        show(context)


@app.command("list")
def show(context: typer.Context) -> None:
    """List users and tokens, without what they prove themselves by."""
    found = Api.of(context).get(f"{USERS}/")["users"]
    if not found:
        typer.echo("There is no user yet; `rostrum users add NAME` adds one.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("name", "kind", "access"):
        table.add_column(column)
    for one in found:
        table.add_row(Text(one["name"]), one["kind"], one["access"])
    Console().print(table)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Letters, digits, _ and -.")],
    read_only: Annotated[bool, typer.Option("--read-only", help="May look only.")] = False,
    token: Annotated[
        bool, typer.Option("--token", help="For a program: print a bearer token, once.")
    ] = False,
) -> None:
    """Add a user, whose password is asked for or read from stdin; or a token."""
    body: dict[str, Any] = {"name": name, "access": "read-only" if read_only else "read-write"}
    if not token:
        body["password"] = _password()
    made = Api.of(context).post(f"{USERS}/", body).json()
    typer.echo(made["token"] if token else made["name"])


@app.command()
def remove(context: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """Remove a user or a token."""
    api = Api.of(context)
    if all(one["name"] != name for one in api.get(f"{USERS}/")["users"]):
        raise Failure("name: no user or token has this name")
    api.request("DELETE", f"{USERS}/{segment(name)}/")


def _password() -> str:
    """Never an argument: those are seen by everybody on the machine."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
