"""`rostrum themes`: what conferences look and sound like."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.api import CONFIGURATION, OURS, Api
from cli.failure import Failure
from kit.theme import Unfit, read
from kit.theme.package import Package, named

app = typer.Typer(help="Themes: list, add, show, use, remove.", invoke_without_command=True)

RESOURCE = "ivr_theme"
PATH = f"{CONFIGURATION}/{RESOURCE}/"


@app.callback()
def themes(context: typer.Context) -> None:
    """Icons, texts, screens and prompts, in ZIP files; see docs/themes.md."""
    if context.invoked_subcommand is None:
        show_all(context)


@app.command("list")
def show_all(context: typer.Context) -> None:
    """List the themes, and who wears them."""
    api = Api.of(context)
    found = api.all(RESOURCE)
    if not found:
        typer.echo("There is no theme yet; everything looks as Rostrum does.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("name", "package", "size", "worn by"):
        table.add_column(column, overflow="fold")
    for theme in sorted(found, key=lambda theme: theme["name"]):
        table.add_row(
            Text(theme["name"]),
            theme["package"][:12] or "none",
            f"{theme['package_size'] / 1e6:.1f} MB" if theme["package"] else "",
            Text(", ".join(_wearers(api, theme["resource_uri"])) or "nobody"),
        )
    Console().print(table)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument()],
    package: Annotated[Path, typer.Argument(help="The ZIP file.")],
    default: Annotated[
        bool, typer.Option("--default", help="Of every conference that names no theme.")
    ] = False,
) -> None:
    """Upload a theme, or another package for one that is there; prints its id."""
    api = Api.of(context)
    try:
        content = package.read_bytes()
    except OSError as exc:
        raise Failure(f"package: cannot read the file: {exc.strerror}") from exc
    known = _find(api, name)
    if known is None:
        uri = str(api.upload("POST", PATH, content, {"name": name}).headers["Location"])
    else:
        uri = known["resource_uri"]
        api.upload("PATCH", uri, content)
    if default:
        api.request("PATCH", f"{CONFIGURATION}/global/1/", {"default_theme": uri})
    typer.echo(_number(uri))


@app.command()
def show(context: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """Say what a theme has, and what it names but does not have."""
    api = Api.of(context)
    theme = _found(api, name)
    typer.echo(f"{theme['name']}: id {theme['id']}")
    typer.echo(f"worn by: {', '.join(_wearers(api, theme['resource_uri'])) or 'nobody'}")
    if not theme["package"]:
        typer.echo("It has no package, and changes nothing.")
        return
    answer = api.request("GET", f"{OURS}/themes/{theme['id']}/package/")
    try:
        package = read(answer.content)
    except Unfit as exc:
        raise Failure(f"package: {exc}") from exc
    typer.echo(f"package: {theme['package']}, {theme['package_size']:,} bytes")
    _print_files(package)


@app.command()
def use(
    context: typer.Context,
    name: Annotated[str, typer.Argument()],
    conference: Annotated[str, typer.Argument(help="One of its aliases.")],
) -> None:
    """Have a conference wear a theme; one that runs changes at once."""
    api = Api.of(context)
    theme, wanted = _found(api, name), conference.casefold()
    for one in api.all("conference"):
        if any(alias["alias"].casefold() == wanted for alias in one["aliases"]):
            api.request("PATCH", one["resource_uri"], {"ivr_theme": theme["resource_uri"]})
            return
    raise Failure("conference: no conference has this alias")


@app.command()
def remove(context: typer.Context, name: Annotated[str, typer.Argument()]) -> None:
    """Delete a theme that nothing wears."""
    api = Api.of(context)
    api.request("DELETE", _found(api, name)["resource_uri"])


def _print_files(package: Package) -> None:
    wanted = dict(named(package.config))
    for name, kind in wanted.items():
        if name in package.files:
            typer.echo(f"  {kind}: {name}, {len(package.files[name]):,} bytes")
        elif kind != "prompt":
            typer.echo(f"  {kind}: {name} is not in the package; the next theme's is used")
    if unused := sorted(package.files.keys() - wanted.keys() - {"themeconfig.json"}):
        typer.echo(f"  not used: {', '.join(unused)}")


def _wearers(api: Api, uri: str) -> list[str]:
    settings = api.get(f"{CONFIGURATION}/global/1/")
    return [
        *(["all by default"] if settings["default_theme"] == uri else []),
        *(c["name"] for c in api.all("conference") if c["ivr_theme"] == uri),
        *(f"rule {r['name']}" for r in api.all("gateway_routing_rule") if r["ivr_theme"] == uri),
    ]


def _find(api: Api, name: str) -> dict[str, Any] | None:
    wanted = name.casefold()
    return next((one for one in api.all(RESOURCE) if one["name"].casefold() == wanted), None)


def _found(api: Api, name: str) -> dict[str, Any]:
    found = _find(api, name)
    if found is None:
        raise Failure("name: no theme has this name")
    return found


def _number(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1]
