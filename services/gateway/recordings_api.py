"""`/api/rostrum/v1/recordings/…`: list, play, download, delete; and to record with one request."""

from typing import Annotated

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import Parameter
from litestar.response import Response, Stream

from proto.recording import chapters
from services.gateway.accounts import TooMany
from services.gateway.core.access import shown
from services.gateway.core.ranges import Span, Unsatisfiable, span
from services.gateway.core.recorded import recorded
from services.gateway.core.requests import RecordRequest, read
from services.gateway.given import (
    Number,
    TheAccounts,
    TheCalls,
    TheLive,
    TheRecordings,
    Word,
)
from services.gateway.problems import AnyRequest, Problem, json

Query = Annotated[str, Parameter(required=False)]


class RecordingsController(Controller):
    path = "/api/rostrum/v1"

    @get("/recordings", sync_to_thread=False)
    def all(self, recordings: TheRecordings, conference: Query = "") -> Response[bytes]:
        """Newest first; of one conference, if its key is given."""
        found = [
            recorded(one, recordings.known, whole=False)
            for one in recordings.newest_first()
            if conference in ("", one.conference)
        ]
        return json({"recordings": msgspec.to_builtins(found)})

    @get("/recordings/{recording:str}", sync_to_thread=False)
    def one(self, recording: Word, recordings: TheRecordings) -> Response[bytes]:
        found = recorded(recordings.find(recording), recordings.known)
        return json(msgspec.to_builtins(found))

    @delete("/recordings/{recording:str}", status_code=204)
    async def remove(self, recording: Word, recordings: TheRecordings) -> None:
        await recordings.delete(recording)

    @get("/recordings/{recording:str}/chapters.vtt", sync_to_thread=False)
    def chapters(
        self, recording: Word, recordings: TheRecordings, part: Query = ""
    ) -> Response[bytes]:
        """Of the whole, or of one part in its own time."""
        if part and not (part.isdecimal() and len(part) < 10):
            raise Problem({"part": ["This is the number of a part."]}, "recording")
        known = recordings.find(recording)
        only = recordings.part(recording, int(part))[1] if part else None
        return Response(
            chapters(known, only).encode(),
            media_type="text/vtt",
            headers={"Cache-Control": "no-store"},
        )

    @get("/recordings/{recording:str}/parts/{number:int}")
    async def part(
        self,
        recording: Word,
        number: Number,
        request: AnyRequest,
        recordings: TheRecordings,
        download: Query = "",
    ) -> Response[bytes] | Stream:
        """The file, or the range of it that is asked for; with `download`, to be kept."""
        known, part = recordings.part(recording, number)
        size = await recordings.size(known, part)
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f"{'attachment' if download else 'inline'}; "
            f'filename="{part.file}"',
        }
        asked = request.headers.get("range")
        if part.sha256:
            headers["ETag"] = tag = f'"{part.sha256}"'
            if request.headers.get("if-range", tag) != tag:
                asked = None
        try:
            piece = span(asked, size)
        except Unsatisfiable:
            headers["Content-Range"] = f"bytes */{size}"
            nowhere = {"recording": {"range": ["The file is not as long as that."]}}
            return json(nowhere, 416, headers)
        whole = piece or Span(0, size)
        headers["Content-Length"] = str(whole.end - whole.start)
        if piece:
            headers["Content-Range"] = f"bytes {piece.start}-{piece.end - 1}/{size}"
        return Stream(
            recordings.read(known, part, *whole),
            status_code=206 if piece else 200,
            headers=headers,
            media_type="video/mp4",
        )

    @post("/conferences/{alias:str}/recordings")
    async def record(
        self, alias: Word, request: AnyRequest, calls: TheCalls, live: TheLive
    ) -> Response[bytes]:
        """Record, unless that is done already: one click twice makes no second recording."""
        conference = calls.conference(alias)
        wanted = read(await request.body(), RecordRequest)
        if isinstance(wanted, dict):
            raise Problem(wanted, "recording")
        view = live.views.get(conference.key)
        if view is not None and any(p.is_recording for p in view.participants):
            already = {"__all__": ["The conference is being recorded already."]}
            raise Problem(already, "recording", 409)
        return json({"participant": await calls.record(conference, wanted)}, 201)

    @get("/me")
    async def me(self, request: AnyRequest, accounts: TheAccounts) -> Response[bytes]:
        """What whoever asks may do, so that a page offers no more."""
        access = "read-write"
        if not accounts.open():
            given = shown(request.headers.get("authorization", "").encode("latin-1"))
            try:
                found = await accounts.who(given, request.client.host if request.client else "")
            except TooMany:
                found = None
            access = found or "read-only"
        return json({"access": access})
