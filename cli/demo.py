"""`rostrum demo`: a sample conference of real clips, streamed to an RTMP server on this machine."""

import signal
import socket
import time
from pathlib import Path
from types import FrameType

import typer

from cli.api import COMMAND, CONFIGURATION, OURS, Api
from cli.clips import Clips, prepare
from cli.failure import Failure
from cli.ingest import LIBAV_STREAM, Ingest, IngestError, start_ingest
from cli.stack import fresh, running

NAME = "Rostrum Town Hall"
ALIAS = "town-hall"

PEOPLE = ("Ada", "Grace", "Alan", "Edith", "Hedy", "Claude", "Radia", "Tim")
"""Who takes part; the first one is the Host, the second one presents."""

PRESENTER = 1

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PRESENT_FOR = 10.0
"""Seconds of presenting, and of not presenting, in turn: one starts every 20 s."""


def run(data: Path, port: int, rtmp_port: int) -> None:
    """Everything, until Ctrl-C."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    try:
        _run(data, port, rtmp_port)
    except KeyboardInterrupt:
        typer.echo("Everything has stopped.")


def _interrupt(_: int, __: FrameType | None) -> None:
    """Once: what is being stopped must not be interrupted again."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    typer.echo("\nStopping …")
    raise KeyboardInterrupt


def _run(data: Path, port: int, rtmp_port: int) -> None:
    _check_port(port, "--port")
    _check_port(rtmp_port, "--rtmp-port")
    data.mkdir(parents=True, exist_ok=True)
    fresh(data / "stack")
    typer.echo("Making the clips (the first time this takes about a minute) …")
    clips = prepare(data / "clips", len(PEOPLE), say=typer.echo)
    with _ingest(data / "ingest", rtmp_port) as ingest:
        key = LIBAV_STREAM if ingest.kind == "libav" else ALIAS
        options = ("--port", str(port), "--hls-dir", str(ingest.hls), "--hls-name", key)
        typer.echo("Starting the services …")
        with running(data / "stack", *options) as stack:
            api = Api(stack["url"])
            presenter = _conference(api, clips)
            _stream(api, ingest.url(key))
            _tell(stack["url"], data, ingest, key)
            _take_turns(api, presenter)


def _check_port(port: int, option: str) -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError as exc:
            said = exc.strerror or "no reason given"
            raise Failure(
                f"port {port} cannot be used ({said.lower()}); choose another with {option}", 2
            ) from exc


def _ingest(directory: Path, port: int) -> Ingest:
    for room in ("hls", "recordings"):
        for old in (directory / room).glob("*"):
            if old.is_file():
                old.unlink()
    try:
        return start_ingest(directory, port)
    except IngestError as exc:
        raise Failure(f"the RTMP server cannot be started: {exc}", 2) from exc


def _conference(api: Api, clips: Clips) -> str:
    """Configure it and bring everybody in; returns who presents."""
    api.post(f"{CONFIGURATION}/conference/", {"name": NAME, "aliases": [{"alias": ALIAS}]})
    rule = {
        "name": "Streaming",
        "priority": 10,
        "match_string": "rtmps?://(.*)",
        "match_string_full": True,
        "match_incoming_calls": False,
        "match_outgoing_calls": True,
        "outgoing_protocol": "rtmp",
    }
    api.post(f"{CONFIGURATION}/gateway_routing_rule/", rule)
    ids = []
    for number, (name, clip) in enumerate(zip(PEOPLE, clips.participants, strict=True)):
        body = {
            "display_name": name,
            "role": "host" if number == 0 else "guest",
            "media": str(clip),
            "presentation": str(clips.presentation) if number == PRESENTER else None,
        }
        made = api.post(f"{OURS}/conferences/{ALIAS}/participants/", body)
        ids.append(str(made.json()["participant"]))
        typer.echo(f"  {name} has joined")
    return ids[PRESENTER]


def _stream(api: Api, url: str) -> None:
    body = {
        "conference_alias": ALIAS,
        "destination": url,
        "protocol": "rtmp",
        "routing": "routing_rule",
        "streaming": True,
    }
    api.post(f"{COMMAND}/participant/dial/", body)


def _tell(url: str, data: Path, ingest: Ingest, key: str) -> None:
    server = "nginx" if ingest.kind == "nginx" else "libav (nginx with its rtmp module is missing)"
    typer.echo(
        f"\n  Watch the conference:   {url}\n"
        f"  Join with your camera:  {url}/join.html?conference={ALIAS}\n"
        f"  Its stream goes to:     {ingest.url(key)}   by {server}\n"
        f"  What the server keeps:  {ingest.recordings}\n"
        f"  Logs:                   {data / 'stack' / 'logs'}\n"
        f"  Look around:            rostrum conferences --watch\n"
        f"\n  {PEOPLE[PRESENTER]} presents for {PRESENT_FOR:g} s every {2 * PRESENT_FOR:g} s."
        "  Ctrl-C stops everything.\n"
    )


def _take_turns(api: Api, presenter: str) -> None:
    """Present and do not, in turn, for ever."""
    path = f"{OURS}/conferences/{ALIAS}/participants/{presenter}/presenting/"
    presenting = False
    while True:
        time.sleep(PRESENT_FOR)
        presenting = not presenting
        try:
            api.request("PUT" if presenting else "DELETE", path)
        except Failure as exc:
            typer.echo(f"  {exc.sentence}", err=True)
