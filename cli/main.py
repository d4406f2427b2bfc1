"""`rostrum`: the command line."""

from pathlib import Path
from typing import Annotated

import typer

from cli import (
    conferences,
    events,
    parked,
    people,
    recordings,
    rules,
    themes,
    users,
    webhooks,
    workers,
)
from cli.backup import commands as backups
from cli.failure import Rostrum
from cli.place import data_dir
from cli.stack import up as become_stack

app = Rostrum(
    help="Streams live conferences to any number of RTMP(S) services.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[
    Path | None,
    typer.Option("--data", help="Directory for all data; default $ROSTRUM_DATA or the user's."),
]


@app.callback()
def root(
    url: Annotated[
        str | None,
        typer.Option(
            envvar="ROSTRUM_URL",
            help="Address of the API; default: of the stack that runs on this machine.",
        ),
    ] = None,
) -> None:
    """Streams live conferences to any number of RTMP(S) services."""
    del url  # Read by cli.api from the context.


@app.command()
def up(
    data: DataDir = None,
    port: Annotated[int, typer.Option(help="Of the API and the page; 0: any.")] = 8080,
    quiet: Annotated[bool, typer.Option("--quiet", help="Logs go to files in the data.")] = False,
    metrics_port: Annotated[
        int, typer.Option(help="First of the ports for Prometheus, one a service; 0: none.")
    ] = 0,
) -> None:
    """Run everything on this machine until Ctrl-C."""
    become_stack((data or data_dir()).absolute(), port, quiet=quiet, metrics_port=metrics_port)


@app.command()
def demo(
    data: DataDir = None,
    port: Annotated[int, typer.Option(help="Of the page; 0: any.")] = 8080,
    rtmp_port: Annotated[int, typer.Option(help="Of the RTMP server; 0: any.")] = 1935,
) -> None:
    """Run a sample conference, stream it to a local RTMP server, and show where to watch."""
    from cli.demo import run  # Brings libav along, which no other command needs.

    run((data or data_dir() / "demo").absolute(), port, rtmp_port)


@app.command()
def traces(
    port: Annotated[int, typer.Option(help="To listen on, at 127.0.0.1.")] = 4318,
    quiet: Annotated[
        float, typer.Option(help="Seconds without news of a trace before it is printed.")
    ] = 8.0,
) -> None:
    """Print what services are told to send there by OTEL_EXPORTER_OTLP_ENDPOINT, until Ctrl-C."""
    from cli.traces import follow  # Wants the package's extra `otlp`.

    follow(port, quiet)


@app.command()
def doctor(
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Look at what runs on the bus, not at this machine.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    passwords: Annotated[
        Path | None,
        typer.Option(help="Directory with the passwords of NATS users, to try each of them."),
    ] = None,
    monitor: Annotated[
        str, typer.Option(help="Of nats-server's monitoring port, to see how full its disk is.")
    ] = "",
) -> None:
    """Say what is here, what is missing, and how to get it."""
    from cli.doctor import cluster_findings, examine, tell

    found = cluster_findings(passwords, monitor) if cluster else examine()
    wrong = "wrong" if cluster else "missing"
    raise typer.Exit(tell(list(found), as_json=as_json, wrong=wrong))


app.command()(backups.backup)
app.command()(backups.restore)
app.command()(people.join)
app.command()(people.call)
app.command()(people.leave)
app.command()(people.present)
app.command()(people.dial)
app.command()(people.hangup)
app.command()(recordings.record)
app.add_typer(conferences.app, name="conferences")
app.add_typer(rules.app, name="rules")
app.add_typer(themes.app, name="themes")
app.add_typer(events.app, name="events")
app.add_typer(users.app, name="users")
app.add_typer(recordings.app, name="recordings")
app.add_typer(workers.app, name="workers")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(parked.app, name="parked")

if __name__ == "__main__":
    app()
