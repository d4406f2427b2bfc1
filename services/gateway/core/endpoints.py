"""Every endpoint of both APIs: what it takes, what it answers, and what it is for."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from services.gateway.core import catalogue, client_endpoints
from services.gateway.core.client import ClientParticipant, ConferenceFlags
from services.gateway.core.client_requests import (
    ClientDial,
    ClientRole,
    ClientTransfer,
    ClientTransform,
    NewCall,
    NewCandidate,
    NewOffer,
    ReleaseRequest,
    TokenRequest,
)
from services.gateway.core.configuration import ROOT
from services.gateway.core.fields import Field
from services.gateway.core.incoming import CallRequest
from services.gateway.core.parked import ParkedPage, ParkedWhole
from services.gateway.core.past import ConferenceHistory, ParticipantHistory
from services.gateway.core.recorded import Recorded
from services.gateway.core.requests import (
    DialRequest,
    JoinRequest,
    OfConference,
    OfParticipant,
    OutsideRequest,
    RecordRequest,
    RoleRequest,
    TransferRequest,
    UserRequest,
)
from services.gateway.core.sinks import SinkStatus
from services.gateway.core.status import (
    STATUS,
    ConferenceStatus,
    MediaStream,
    ParticipantStatus,
    WorkerStatus,
)
from services.gateway.core.transforms import TransformRequest
from services.gateway.core.trials import TestRules

COMMAND = "/api/admin/command/v1"
OURS = "/api/rostrum/v1"

ANY = "object"
STREAM = "stream"

ZIP = "application/zip"
FORM = "multipart/form-data"


class Endpoint(msgspec.Struct, frozen=True):
    method: str
    path: str
    summary: str
    tag: str
    status: str = "200"
    body: str = ""
    "Name of a component; with `[]` behind it, many of them at once."
    answer: str = ""
    "The same, with `[]` for a list in its envelope and `{}` for a bare one; or ANY, or STREAM."
    fields: Mapping[str, Field] = {}
    "What a list can be filtered by."
    media_type: str = ""
    "Of an answer, where it is STREAM."
    file: str = ""
    "Media type of a body that is a file; or of one that may hold a theme's package beside it."
    also: Mapping[str, str] = {}
    "Other statuses, and what they mean."


STRUCTS: list[Any] = [
    ConferenceStatus,
    ParticipantStatus,
    MediaStream,
    WorkerStatus,
    ConferenceHistory,
    ParticipantHistory,
    ConferenceFlags,
    ClientParticipant,
    DialRequest,
    OfParticipant,
    RoleRequest,
    TransferRequest,
    OutsideRequest,
    OfConference,
    TransformRequest,
    JoinRequest,
    CallRequest,
    UserRequest,
    TestRules,
    RecordRequest,
    Recorded,
    SinkStatus,
    ParkedPage,
    ParkedWhole,
    TokenRequest,
    ReleaseRequest,
    ClientDial,
    ClientTransform,
    ClientRole,
    ClientTransfer,
    NewCall,
    NewOffer,
    NewCandidate,
]


def _configuration() -> Iterable[Endpoint]:
    for kind, fields in catalogue.CONFIGURED_FIELDS.items():
        path, what, tag = f"{ROOT}/{kind}/", kind.replace("_", " "), f"configuration: {kind}"
        one, many = f"{path}{{number}}/", f"{kind}_shown[]"
        given, part, shown = f"{kind}_given", f"{kind}_part", f"{kind}_shown"
        single = kind in catalogue.SINGLE
        form = FORM if kind == "ivr_theme" else ""
        yield Endpoint("get", path, f"List: {what}", tag, answer=many, fields=fields)
        yield Endpoint("get", one, f"One: {what}", tag, answer=shown)
        yield Endpoint("put", one, f"Replace: {what}", tag, "204", given, file=form)
        yield Endpoint("patch", one, f"Change: {what}", tag, "202", part, file=form)
        yield Endpoint("get", f"{path}schema/", f"Fields: {what}", tag, answer=ANY)
        if not single:
            yield Endpoint("post", path, f"Create: {what}", tag, "201", given, file=form)
            yield Endpoint("patch", path, f"Change many: {what}", tag, "202", f"{part}[]")
            yield Endpoint("delete", one, f"Delete: {what}", tag, "204")


def _shown() -> Iterable[Endpoint]:
    for root, kinds in catalogue.SHOWN.items():
        tree = root.split("/")[3]
        for kind, struct in kinds.items():
            path, what, name = f"{root}/{kind}/", kind.replace("_", " "), struct.__name__
            fields = catalogue.TREES[root][kind]
            yield Endpoint("get", path, f"List: {what}", tree, answer=f"{name}[]", fields=fields)
            yield Endpoint("get", f"{path}{{id}}/", f"One: {what}", tree, answer=name)
            yield Endpoint("get", f"{path}schema/", f"Fields: {what}", tree, answer=ANY)
    media = f"{STATUS}/participant/{{id}}/media_stream/"
    fields = catalogue.STREAM_FIELDS
    yield Endpoint("get", media, "What is sent", "status", answer="MediaStream[]", fields=fields)


COMMANDS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "participant/dial": ("Call a streaming service", DialRequest),
    "participant/disconnect": ("Disconnect a participant, or hang up", OfParticipant),
    "participant/mute": ("Stop hearing a participant", OfParticipant),
    "participant/unmute": ("Hear a participant again", OfParticipant),
    "participant/unlock": ("Let somebody in who waits", OfParticipant),
    "participant/role": ("Make a participant a Host or a Guest", RoleRequest),
    "participant/transfer": ("Move somebody to another conference", TransferRequest),
    "conference/disconnect": ("End a conference", OfConference),
    "conference/lock": ("Keep newcomers waiting", OfConference),
    "conference/unlock": ("Keep nobody waiting", OfConference),
    "conference/mute_guests": ("Stop hearing all Guests", OfConference),
    "conference/unmute_guests": ("Hear all Guests again", OfConference),
    "conference/transform_layout": ("Change layouts and indicators", TransformRequest),
}


def _commands() -> Iterable[Endpoint]:
    for name, (summary, body) in COMMANDS.items():
        path = f"{COMMAND}/{name}/"
        yield Endpoint("post", path, summary, "command", body=body.__name__, answer=ANY)


SNAPSHOTS = {
    "preview": "What a stream shows now, small",
    "presentation": "What is presented now, small",
    "presentation_high": "What is presented now, as large as it is sent",
}


def _ours() -> Iterable[Endpoint]:
    tag, one = "rostrum", f"{OURS}/conferences/{{alias}}/"
    who = f"{one}participants/{{participant}}/"
    yield Endpoint("get", f"{OURS}/conferences/", "All conferences", tag, answer=ANY)
    yield Endpoint("get", one, "A conference, configured and running", tag, answer=ANY)
    flags = ConferenceFlags.__name__
    what = "What holds for a conference, as Pexip's client API says it"
    yield Endpoint("get", f"{one}conference_status/", what, tag, answer=flags)
    what = "Its participants, in the same way"
    yield Endpoint("get", f"{one}participants/", what, tag, answer="ClientParticipant{}")
    yield Endpoint(
        "post", f"{one}participants/", "Bring somebody in", tag, "201", "JoinRequest", ANY
    )
    call = "Call a conference, or through a call routing rule somebody outside"
    yield Endpoint("post", f"{OURS}/calls/", call, tag, "201", "CallRequest", ANY)
    yield Endpoint(
        "post",
        f"{one}outside/",
        "Tell that a meeting outside is recorded, streamed or transcribed",
        tag,
        "204",
        "OutsideRequest",
    )
    yield Endpoint("delete", who, "Disconnect somebody", tag, "204")
    yield Endpoint("put", f"{who}presenting/", "Present", tag, "204")
    yield Endpoint("delete", f"{who}presenting/", "Stop presenting", tag, "204")
    yield Endpoint("put", f"{who}spotlight/", "Put first on the stage, whoever speaks", tag, "204")
    yield Endpoint("delete", f"{who}spotlight/", "Take out of the spotlight", tag, "204")
    for picture, what in SNAPSHOTS.items():
        path = f"{one}{picture}.jpeg"
        yield Endpoint("get", path, what, tag, answer=STREAM, media_type="image/jpeg")
    yield Endpoint(
        "get",
        f"{one}events/",
        "The conference as it changes",
        tag,
        answer=STREAM,
        media_type="text/event-stream",
    )
    yield Endpoint(
        "get",
        f"{one}log.jsonl",
        "The whole log",
        tag,
        answer=STREAM,
        media_type="application/x-ndjson",
    )
    yield Endpoint(
        "get",
        f"{OURS}/log.jsonl",
        "The logs of all that ran in some time",
        tag,
        answer=STREAM,
        media_type="application/x-ndjson",
    )
    package = f"{OURS}/themes/{{number}}/package/"
    yield Endpoint("get", f"{OURS}/themes/schema/", "What may be in a theme", tag, answer=ANY)
    yield Endpoint("get", package, "The ZIP of a theme", tag, answer=STREAM, media_type=ZIP)
    yield Endpoint("put", package, "Upload the ZIP of a theme", tag, "204", file=ZIP)
    what = "What the call routing rules would make of a call"
    yield Endpoint("post", f"{OURS}/rules/test/", what, tag, body="TestRules", answer=ANY)
    yield Endpoint("get", f"{OURS}/workers/", "Workers that are alive", tag, answer=ANY)
    yield Endpoint("get", f"{OURS}/users/", "Who may use this", tag, answer=ANY)
    yield Endpoint("post", f"{OURS}/users/", "Add a user or token", tag, "201", "UserRequest", ANY)
    yield Endpoint("delete", f"{OURS}/users/{{name}}/", "Remove a user or token", tag, "204")


def _recordings() -> Iterable[Endpoint]:
    tag, one = "rostrum", f"{OURS}/recordings/{{recording}}/"
    yield Endpoint(
        "post",
        f"{OURS}/conferences/{{alias}}/recordings/",
        "Record a conference; disconnecting the participant that this answers stops it",
        tag,
        "201",
        "RecordRequest",
        ANY,
        also={"409": "It is being recorded already."},
    )
    yield Endpoint("get", f"{OURS}/recordings/", "All recordings", tag, answer=ANY)
    yield Endpoint("get", one, "A recording, its people and its chapters", tag, answer="Recorded")
    yield Endpoint(
        "delete", one, "Delete a recording", tag, "204", also={"409": "It is being made."}
    )
    yield Endpoint(
        "get",
        f"{one}parts/{{number}}/",
        "A file of it; ranges may be asked for, and with ?download=1 it is to be kept",
        tag,
        answer=STREAM,
        media_type="video/mp4",
        also={"206": "The range that was asked for.", "416": "The file is not as long as that."},
    )
    yield Endpoint(
        "get",
        f"{one}chapters.vtt",
        "Its chapters; with ?part=1, of that part in its own time",
        tag,
        answer=STREAM,
        media_type="text/vtt",
    )
    yield Endpoint("get", f"{OURS}/me/", "What whoever asks may do", tag, answer=ANY)


def _sinks() -> Iterable[Endpoint]:
    tag, all_, one = "rostrum", f"{OURS}/event_sinks/", f"{OURS}/event_sinks/{{number}}/"
    what = "How far event sinks are, and what they did not take"
    yield Endpoint("get", all_, what, tag, answer=ANY)
    yield Endpoint("get", one, "The same of one event sink", tag, answer="SinkStatus")
    what = "Send a test event, now and once, and tell what became of it"
    yield Endpoint("post", f"{one}test/", what, tag, answer=ANY)
    what = "Try the events that were given up once more, oldest first, until one fails"
    yield Endpoint("post", f"{one}redeliver/", what, tag, answer=ANY)
    what = "Make a new secret, shown this once; the old one signs as well until it is dropped"
    yield Endpoint("post", f"{one}secret/", what, tag, "201", answer=ANY)
    yield Endpoint("delete", f"{one}secret/old/", "Drop the old secret", tag, "204")


def _parked() -> Iterable[Endpoint]:
    tag, all_, one = "rostrum", f"{OURS}/parked/", f"{OURS}/parked/{{number}}/"
    what = (
        "Messages that nobody could handle, oldest first; ?service= ?family= ?conference= ?limit="
        " ?after="
    )
    yield Endpoint("get", all_, what, tag, answer="ParkedPage")
    yield Endpoint("get", one, "One of them, with its body", tag, answer="ParkedWhole")
    what = "Give it back to the consumer that parked it; it is gone when it was handled"
    also = {"409": "It could not be handled this time either."}
    yield Endpoint("post", f"{one}return/", what, tag, "204", also=also)
    yield Endpoint("delete", one, "Drop it: nobody will ever handle it", tag, "204")


def _client() -> Iterable[Endpoint]:
    tag = "client"
    for method, path, summary, body in client_endpoints.ENDPOINTS:
        yield Endpoint(method, path, summary, tag, body=body, answer=ANY)
    for path, summary, media_type in client_endpoints.STREAMS:
        yield Endpoint("get", path, summary, tag, answer=STREAM, media_type=media_type)


ALL: list[Endpoint] = [
    *_configuration(),
    *_shown(),
    *_commands(),
    *_ours(),
    *_recordings(),
    *_sinks(),
    *_parked(),
    *_client(),
]
