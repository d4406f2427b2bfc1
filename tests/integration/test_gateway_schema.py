"""The OpenAPI document against the gateway that serves it."""

import asyncio
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from nats.aio.client import Client
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kit.secrets import Secret
from tests.support.gateway import gateway, with_routing

pytestmark = pytest.mark.nats

EXAMPLES = 5
"""Good and bad requests, each, for every operation."""

UNANSWERED = ("/rules/test/", "/event_sinks/{number}/test/", "/redeliver/")
"""What asks a service that is not there in this test: 503 is the right answer."""


def no_failure(_: Any, response: Any, case: Any) -> None:
    if not case.path.endswith(UNANSWERED):
        assert response.status_code < 500


CHECKS = [
    no_failure,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

schemathesis.serializer.alias("application/zip", "application/octet-stream")

TOKEN = "t0ken"


def examine(operation: Any, base_url: str, mode: GenerationMode) -> None:
    """Send what the document allows, and what it does not."""

    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(
            base_url=base_url,
            headers={"Authorization": f"Bearer {TOKEN}"},
            checks=CHECKS,
        )

    ask()


async def test_no_request_makes_the_gateway_fail_or_answer_otherwise_than_described(
    nc: Client,
) -> None:
    async with gateway(nc, with_routing, admin_token=Secret(TOKEN), patience=120) as http:
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        described = (await http.get("/schema/openapi.json")).json()
        await configured(http)

        def all_operations() -> int:
            schema = schemathesis.openapi.from_dict(described)
            found = 0
            for result in schema.get_all_operations():
                operation: Any = result.ok()  # type: ignore[union-attr]
                if operation.path.endswith("/events/"):
                    continue  # An answer that never ends.
                for mode in GenerationMode:
                    examine(operation, str(http.base_url), mode)
                found += 1
            return found

        assert await asyncio.to_thread(all_operations) > 90


async def configured(http: httpx.AsyncClient) -> None:
    """Something to be found."""
    for path, body in {
        "configuration/v1/system_location": {"name": "DMZ"},
        "configuration/v1/ivr_theme": {"name": "Plain"},
        "configuration/v1/conference": {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]},
    }.items():
        answer = await http.post(f"/api/admin/{path}/", json=body)
        assert answer.status_code == 201
