"""`/api/rostrum/v1/parked/`: messages that nobody could handle."""

from typing import Annotated

from litestar import Controller, delete, get, post
from litestar.params import Parameter
from litestar.response import Response

from services.gateway.core.access import shown
from services.gateway.core.parked import MOST, Wanted
from services.gateway.given import Number, TheParked, TheStore
from services.gateway.problems import AnyRequest, Problem, json

Query = Annotated[str, Parameter(required=False)]


class ParkedController(Controller):
    path = "/api/rostrum/v1/parked"

    @get("/")
    async def all(
        self,
        parked: TheParked,
        store: TheStore,
        service: Query = "",
        family: Query = "",
        conference: Query = "",
        after: Query = "",
        limit: Query = "",
    ) -> Response[bytes]:
        """Oldest first; of a service, a family, or a conference by an alias or its key."""
        known = store.now.by_alias(conference) if conference else None
        wanted = Wanted(service, family, known.key if known else conference)
        found = await parked.some(
            wanted, _count(after, "after", 0), min(_count(limit, "limit", MOST), MOST)
        )
        return json(found)

    @get("/{number:int}")
    async def one(self, number: Number, parked: TheParked) -> Response[bytes]:
        return json(await parked.one(number))

    @post("/{number:int}/return", status_code=204)
    async def give_back(self, number: Number, request: AnyRequest, parked: TheParked) -> None:
        await parked.give_back(number, _asker(request))

    @delete("/{number:int}", status_code=204)
    async def drop(self, number: Number, request: AnyRequest, parked: TheParked) -> None:
        await parked.drop(number, _asker(request))


def _count(text: str, field: str, usual: int) -> int:
    if not text:
        return usual
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        raise Problem({field: ["This is a whole number."]}, "parked")
    return int(text)


def _asker(request: AnyRequest) -> str:
    """For the log. Of a token nothing is told: what is in front of its dot may be all of it."""
    given = shown(request.headers.get("authorization", "").encode("latin-1", "replace"))
    if given is None:
        return ""
    return given.name if given.scheme == "basic" else "by token"
