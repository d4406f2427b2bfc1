"""`/api/rostrum/v1/event_sinks/`: how far event sinks are, tests, redelivery, new secrets."""

import msgspec
from litestar import Controller, delete, get, post
from litestar.response import Response

from services.gateway.given import Number, TheSinks
from services.gateway.problems import json


class SinksController(Controller):
    path = "/api/rostrum/v1/event_sinks"

    @get("/")
    async def all(self, sinks: TheSinks) -> Response[bytes]:
        return json({"event_sinks": msgspec.to_builtins(await sinks.all())})

    @get("/{number:int}")
    async def one(self, number: Number, sinks: TheSinks) -> Response[bytes]:
        return json(await sinks.one(number))

    @post("/{number:int}/test", status_code=200)
    async def test(self, number: Number, sinks: TheSinks) -> Response[bytes]:
        """A test event, now and once; nothing of it waits for a second try."""
        found = await sinks.test(number)
        return json({"code": found.code, "status": found.status, "seconds": found.seconds})

    @post("/{number:int}/redeliver", status_code=200)
    async def redeliver(self, number: Number, sinks: TheSinks) -> Response[bytes]:
        found = await sinks.redeliver(number)
        return json(
            {
                "delivered": found.delivered,
                "left": found.left,
                "vanished": found.vanished,
                "code": found.code,
            }
        )

    @post("/{number:int}/secret")
    async def rotate(self, number: Number, sinks: TheSinks) -> Response[bytes]:
        """The new secret: it is never to be seen again."""
        return json({"secret": await sinks.rotate(number)}, 201)

    @delete("/{number:int}/secret/old", status_code=204)
    async def drop(self, number: Number, sinks: TheSinks) -> None:
        await sinks.drop(number)
