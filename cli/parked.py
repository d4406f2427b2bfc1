"""`rostrum parked`: messages that nobody could handle."""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.api import OURS, Api
from cli.failure import Failure

app = typer.Typer(
    help="Messages that nobody could handle: list, show, return, drop.",
    invoke_without_command=True,
)

PARKED = f"{OURS}/parked"

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="As `list` has them.")]
Service = Annotated[str, typer.Option("--service", help="Of who could not handle it.")]
Family = Annotated[str, typer.Option("--family", help="conference, routing, scheduler, egress.")]
Conference = Annotated[str, typer.Option("--conference", help="An alias or the key of it.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.callback()
def parked(context: typer.Context) -> None:
    """What was put aside, so that what came behind it could go on."""
    if context.invoked_subcommand is None:
        show_all(context)


@app.command("list")
def show_all(
    context: typer.Context,
    service: Service = "",
    family: Family = "",
    conference: Conference = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most that are shown.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what is parked, oldest first, and why."""
    found: list[dict[str, Any]] = []
    more = False
    for one in _all(Api.of(context), service, family, conference):
        if more := len(found) == limit:
            break
        found.append(one)
    if as_json:
        _print_json({"parked": found, "more": more})
        return
    if not found:
        typer.echo("Nothing is parked." if not (service or family or conference) else "None.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("id", "time", "service", "family", "conference", "events", "why"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(
            str(one["id"]),
            (one["parked_at"] or "")[:19],
            one["service"] or one["durable"],
            one["family"],
            Text(one["conference"]),
            Text(", ".join(one["events"]) or f"{one['size']} bytes"),
            Text(one["reason"]),
        )
    Console().print(table)
    if more:
        typer.echo(f"There are more than {limit}; see --limit.")


@app.command()
def show(
    context: typer.Context,
    ident: Annotated[int, typer.Argument(metavar="ID", help="As `list` has it.")],
    as_json: AsJson = False,
) -> None:
    """Show one of them with all that is in it."""
    found = Api.of(context).get(f"{PARKED}/{ident}/")
    if as_json:
        _print_json(found)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for label, field in (
        ("id", "id"),
        ("parked", "parked_at"),
        ("why", "reason"),
        ("service", "service"),
        ("consumer", "durable"),
        ("family", "family"),
        ("conference", "conference"),
        ("place in its stream", "sequence"),
        ("trace", "trace"),
        ("bytes", "size"),
    ):
        known = found[field]
        table.add_row(label, Text("not known" if known in (None, "") else str(known)))
    Console().print(table)
    body = found["body"]
    if body is None:
        typer.echo("It is no JSON, or too large to be shown.")
        return
    typer.echo(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())


@app.command("return")
def give_back(
    context: typer.Context,
    idents: Ids = None,
    service: Service = "",
    family: Family = "",
    conference: Conference = "",
    as_json: AsJson = False,
) -> None:
    """Have the consumer that parked it handle it after all; what it cannot handle stays."""
    api = Api.of(context)
    failed = 0
    outcomes = []
    for one in _chosen(api, idents, service, family, conference):
        why = ""
        try:
            api.post(f"{PARKED}/{one}/return/", {})
        except Failure as exc:
            why = exc.sentence
            failed += 1
        outcomes.append({"id": one, "handled": not why, "why": why})
        if not as_json:
            typer.echo(f"{one}: {why or 'handled'}")
    if as_json:
        _print_json({"returned": outcomes})
    if failed:
        raise Failure(f"{failed} of {len(outcomes)} not handled")


@app.command()
def drop(
    context: typer.Context,
    idents: Ids = None,
    service: Service = "",
    family: Family = "",
    conference: Conference = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete it for ever: nobody will handle it."""
    api = Api.of(context)
    chosen = _chosen(api, idents, service, family, conference)
    if not yes:
        typer.confirm(f"Drop {len(chosen)} of the parked messages for ever?", abort=True, err=True)
    for one in chosen:
        api.request("DELETE", f"{PARKED}/{one}/")
    if as_json:
        _print_json({"dropped": chosen})
    else:
        typer.echo(f"{len(chosen)} dropped")


def _chosen(
    api: Api, idents: list[int] | None, service: str, family: str, conference: str
) -> list[int]:
    """Those that are named, or all that the options mean."""
    asked = service or family or conference
    if bool(idents) == bool(asked):
        raise Failure("say which: by their ids, or by --service, --family, --conference", 2)
    if idents:
        return idents
    return [int(one["id"]) for one in _all(api, service, family, conference)]


def _all(api: Api, service: str, family: str, conference: str) -> Iterator[dict[str, Any]]:
    """Page by page, as far as somebody looks."""
    asked = {"service": service, "family": family, "conference": conference}
    after: int | None = 0
    while after is not None:
        page = api.get(f"{PARKED}/?{urlencode({**asked, 'after': after})}")
        yield from page["parked"]
        after = page["next"]


def _print_json(found: Any) -> None:
    typer.echo(msgspec.json.encode(found).decode())
