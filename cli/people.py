"""Participants and calls: join, leave, present, dial, hangup."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.api import COMMAND, OURS, Api, segment
from cli.failure import Failure
from cli.secret import given


class Role(StrEnum):
    host = "host"
    guest = "guest"


class Content(StrEnum):
    single = "single"
    main = "main"
    presentation = "presentation"


class Quality(StrEnum):
    sd = "sd"
    hd = "hd"
    fullhd = "fullhd"


class Source(StrEnum):
    """How somebody who calls comes in."""

    webrtc = "webrtc"
    rtmp = "rtmp"
    sip = "sip"
    mssip = "mssip"
    h323 = "h323"
    teams = "teams"


class Platform(StrEnum):
    """Whose a meeting is."""

    google_meet = "google_meet"
    teams = "teams"
    skype = "skype"


class Switch(StrEnum):
    on = "on"
    off = "off"


SHORTEST = 4
"""Characters of an id's beginning that may stand for it."""

ConferenceName = Annotated[str, typer.Argument(metavar="CONFERENCE", help="An alias of it.")]
ParticipantName = Annotated[
    str, typer.Argument(metavar="PARTICIPANT", help="Id or its beginning, or a name.")
]


def join(
    context: typer.Context,
    conference: ConferenceName,
    media: Annotated[str, typer.Option(help="URL or file with picture and sound.")],
    name: Annotated[str, typer.Option(help="As others see it.")],
    role: Annotated[Role, typer.Option()] = Role.guest,
    present: Annotated[
        str | None, typer.Option(metavar="URL|FILE", help="What is shown while presenting.")
    ] = None,
    presenting: Annotated[bool, typer.Option("--presenting", help="Present at once.")] = False,
) -> None:
    """Bring in a participant whose media is read from a URL or a file; prints the new id."""
    body = {
        "display_name": name,
        "role": role.value,
        "media": address(media),
        "presentation": address(present) if present else None,
        "presenting": presenting,
    }
    api = Api.of(context)
    made = api.post(f"{OURS}/conferences/{segment(conference)}/participants/", body)
    typer.echo(made.json()["participant"])


def call(
    context: typer.Context,
    alias: Annotated[
        str, typer.Argument(metavar="ALIAS", help="What is called; `-` reads it from the input.")
    ],
    media: Annotated[str, typer.Option(help="URL or file with the caller's picture and sound.")],
    name: Annotated[str, typer.Option(help="As others see the caller.")] = "Caller",
    pin: Annotated[str, typer.Option(help="For a conference that wants one.")] = "",
    present: Annotated[
        str | None, typer.Option(metavar="URL|FILE", help="What is shown while presenting.")
    ] = None,
    presenting: Annotated[bool, typer.Option("--presenting", help="Present at once.")] = False,
    location: Annotated[str, typer.Option(help="System location that handles the call.")] = "",
    protocol: Annotated[Source, typer.Option(help="How the caller comes in.")] = Source.webrtc,
    platform: Annotated[
        Platform | None, typer.Option(help="Whose the meeting is that the caller stands in.")
    ] = None,
) -> None:
    """Call an alias: into a conference, or through a call routing rule to a streaming service.

    Prints what `rostrum leave` wants: the conference, or the gateway call, and the caller's id.
    """
    body = {
        "alias": given(alias, "Alias"),
        "display_name": name,
        "media": address(media),
        "presentation": address(present) if present else None,
        "presenting": presenting,
        "pin": pin,
        "protocol": protocol.value,
        "location": location,
        "platform": platform.value if platform else None,
    }
    made = Api.of(context).post(f"{OURS}/calls/", body).json()
    typer.echo(f"{made['conference']} {made['participant']}")


def leave(context: typer.Context, conference: ConferenceName, participant: ParticipantName) -> None:
    """Send a participant away."""
    api = Api.of(context)
    api.request("DELETE", f"{_participant(api, conference, participant)}/")


def present(
    context: typer.Context,
    conference: ConferenceName,
    participant: ParticipantName,
    switch: Annotated[Switch, typer.Argument(metavar="on|off")],
) -> None:
    """Let a participant start or stop to present."""
    api = Api.of(context)
    method = "PUT" if switch is Switch.on else "DELETE"
    api.request(method, f"{_participant(api, conference, participant)}/presenting/")


def dial(
    context: typer.Context,
    conference: ConferenceName,
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="Where to stream to. `-` reads it from standard input, which keeps its key out of"
            " the shell's history and the process list.",
        ),
    ],
    name: Annotated[str, typer.Option(help="As others see it; the redacted URL if empty.")] = "",
    manual: Annotated[
        bool, typer.Option("--manual", help="Dial without a call routing rule.")
    ] = False,
    location: Annotated[str, typer.Option(help="System location to dial from.")] = "",
    role: Annotated[Role, typer.Option()] = Role.guest,
    backup: Annotated[
        str, typer.Option(metavar="URL", help="A second address, for when the first fails.")
    ] = "",
    hot: Annotated[
        bool, typer.Option("--hot", help="Stream to the backup address all the time.")
    ] = False,
    verify: Annotated[
        bool, typer.Option(help="Look at the service's certificate (rtmps://).")
    ] = True,
    authority: Annotated[
        str, typer.Option(metavar="NAME", help="File in the workers' directory of authorities.")
    ] = "",
    presentation: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Makes it a dual stream: the presentation goes here, the people alone to URL.",
        ),
    ] = "",
    content: Annotated[
        Content,
        typer.Option(help="`single` shows a presentation when there is one, the others one kind."),
    ] = Content.single,
    inset: Annotated[
        bool, typer.Option(help="The speaker's small window over a presentation.")
    ] = True,
    layout: Annotated[str, typer.Option(help="E.g. `1:7`; the conference's if empty.")] = "",
    quality: Annotated[
        Quality | None, typer.Option(help="At most 848x480, 1280x720 or 1920x1080.")
    ] = None,
    fps: Annotated[
        int | None, typer.Option(help="25, 30, 50 or 60; the conference's unless given.")
    ] = None,
    kbps: Annotated[int | None, typer.Option(help="Most of the picture, kbit/s.")] = None,
) -> None:
    """Stream a conference to a service; prints the streaming participant's id."""
    body = {
        "conference_alias": conference,
        "destination": given(url, "URL"),
        "protocol": "rtmp",
        "routing": "manual" if manual else "routing_rule",
        "role": "chair" if role is Role.host else "guest",
        "streaming": True,
        "remote_display_name": name,
        "system_location": location,
        "backup_url": given(backup, "--backup") if backup else "",
        "backup_mode": "hot" if hot else "failover",
        "tls_verify": verify,
        "tls_ca": authority,
        "presentation_url": given(presentation, "presentation") if presentation else "",
        "content": content.value,
        "inset": inset,
        "layout": layout or None,
        "max_pixels_per_second": quality.value if quality else None,
        "frame_rate": fps,
        "max_video_kbps": kbps,
    }
    made = Api.of(context).post(f"{COMMAND}/participant/dial/", body)
    typer.echo(made.json()["data"]["participant_id"])


def hangup(
    context: typer.Context, conference: ConferenceName, participant: ParticipantName
) -> None:
    """End a call: the stream stops."""
    leave(context, conference, participant)


def address(media: str) -> str:
    """A URL as it is; a file with its whole path, because the server stands elsewhere."""
    return media if "://" in media else str(Path(media).expanduser().absolute())


def _participant(api: Api, conference: str, wanted: str) -> str:
    """Path of a participant who is given by id or by name."""
    known: list[dict[str, Any]] = api.conference(conference)["participants"]
    found = [p for p in known if p["display_name"] == wanted] or [
        p for p in known if len(wanted) >= SHORTEST and p["participant"].startswith(wanted)
    ]
    if not found:
        raise Failure(f"participant: nobody in {conference} has this id or name")
    if len(found) > 1:
        raise Failure(f"participant: this means {len(found)} of them; give the whole id")
    participant = found[0]["participant"]
    return f"{OURS}/conferences/{segment(conference)}/participants/{participant}"
