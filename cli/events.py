"""`rostrum events`: take logs out, compare two, and play one back."""

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from cli.api import OURS, Api, segment
from cli.failure import Failure
from cli.log.diff import Change, compare
from cli.log.read import BadLog, Export, load

app = typer.Typer(help="Events: export, replay, diff.", no_args_is_help=True)

COLOURS = {"-": "red", "+": "green", " ": "dim"}

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="What `events export` made.")]

FASTEST = 100.0
"""Times life from which it is as fast as the machine."""


@app.command()
def export(
    context: typer.Context,
    conference: Annotated[str, typer.Argument(metavar="[CONFERENCE]", help="An alias of it.")] = "",
    one: Annotated[str, typer.Option("--conference", help="The same.")] = "",
    since: Annotated[str, typer.Option("--from", help="What ran then or later; as in --to.")] = "",
    until: Annotated[str, typer.Option("--to", help="2026-11-26T12:00:00Z, or ago: -1h.")] = "",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A file; packed if it ends in .gz.")
    ] = None,
) -> None:
    """Print every event of a conference, or of all that ran in some time, as lines of JSON.

    What ran is exported whole. Nothing in it is secret: addresses are redacted, and what is sealed
    is left out.
    """
    alias = conference or one
    if not (alias or since or until):
        raise Failure("say which conference, or from when, with --from -1h", 2)
    path = f"{OURS}/conferences/{segment(alias)}/log.jsonl" if alias else f"{OURS}/log.jsonl"
    asked = {name: given for name, given in (("from", since), ("to", until)) if given}
    lines = Api.of(context).lines(f"{path}?{urlencode(asked)}" if asked else path)
    if output is None:
        for line in _whole(lines):
            typer.echo(line)
        return
    count = 0
    with _written(output) as out:
        for line in _whole(lines):
            out.write(f"{line}\n".encode())
            count += 1
    typer.echo(f"{output}: {count} lines", err=True)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="An export.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    as_json: AsJson = False,
) -> None:
    """Compare what was decided in two runs: 0 the same, 1 it differs, 2 it cannot be read.

    Ids are told apart by the order in which they come; times, workers and figures do not count.
    """
    changes = compare(opened(before), opened(after))
    show(changes, as_json=as_json)
    if not changes and not as_json:
        typer.echo("The same was decided.")
    raise typer.Exit(1 if changes else 0)


@app.command()
def replay(
    file: File,
    speed: Annotated[str, typer.Option(help="Times faster than life, or max.")] = "1",
    as_json: AsJson = False,
) -> None:
    """Play a log into a stack of its own and compare what comes out: 0 the same, 1 it differs.

    Decisions are made anew, by the log's clock. Participants are test pictures and tones, and
    destinations a server of our own: nothing that the log names is contacted.
    """
    from cli.replay.run import run  # Brings NATS along, which no other command needs.

    raise typer.Exit(run(opened(file), _speed(speed), as_json=as_json))


def opened(path: Path) -> Export:
    """An export, or a failure that says what is wrong with it."""
    try:
        return load(path)
    except OSError as exc:
        raise Failure(f"file: {path.name}: {exc.strerror}", 2) from exc
    except BadLog as exc:
        raise Failure(f"file: {path.name} is not an export of events: {exc}", 2) from exc


def show(changes: list[Change], *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode([_builtins(change) for change in changes]).decode())
        return
    console = Console(soft_wrap=True, highlight=False)
    for change in changes:
        console.print(Text(f"{change.conference}: {change.title}", "bold"))
        for sign, line in change.lines:
            console.print(Text(f"  {sign} {line}", COLOURS[sign]))


def _builtins(change: Change) -> dict[str, Any]:
    lines = [{"sign": sign, "line": line} for sign, line in change.lines if sign != " "]
    return {"conference": change.conference, "lane": change.lane, "lines": lines}


def _speed(text: str) -> float:
    if text == "max":
        return FASTEST
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= FASTEST:
        raise Failure("speed: a number from 0.1 to 100, or max", 2)
    return speed


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """The lines of an export that came to its end. Raises Failure if it did not."""
    last = ""
    for line in lines:
        last = line
        yield line
    if not last.startswith('{"end"'):
        raise Failure("the export broke off; try again")


@contextmanager
def _written(path: Path) -> Iterator[Any]:
    """A file that is there when it is complete, and never half of it."""
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
                    yield packed
            else:
                yield raw
        partial.rename(path)
    except OSError as exc:
        raise Failure(f"output: {exc.strerror}", 2) from exc
    finally:
        partial.unlink(missing_ok=True)
