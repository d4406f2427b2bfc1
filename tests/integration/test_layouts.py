"""Layouts through the management API: configured, and changed while a conference runs."""

from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from proto.layouts import ALL
from tests.support.gateway import gateway

CONFIGURATION = "/api/admin/configuration/v1/conference/"
TRANSFORM = "/api/admin/command/v1/conference/transform_layout/"
OURS = "/api/rostrum/v1/conferences/town-hall/"


async def running(http: httpx.AsyncClient) -> str:
    """The instance of a conference that somebody has joined."""
    body = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]}
    assert (await http.post(CONFIGURATION, json=body)).status_code == 201
    person = {"display_name": "Ada", "role": "host", "media": "rtsp://camera/1"}
    assert (await http.post(f"{OURS}participants/", json=person)).status_code == 201
    return str((await http.get(OURS)).json()["instance"])


async def test_every_layout_can_be_configured_by_its_name(nc: Client) -> None:
    async with gateway(nc) as http:
        for names in ALL:
            body = {"name": names.config, "host_view": names.config, "guest_view": names.config}
            made = await http.post(CONFIGURATION, json=body)
            assert made.status_code == 201, names
            shown = (await http.get(made.headers["Location"])).json()
            assert (shown["host_view"], shown["guest_view"]) == (names.config, names.config)
        for name in ("1:7", "nine_mains", ""):
            answer = await http.post(CONFIGURATION, json={"name": "x", "host_view": name})
            assert (answer.status_code, list(answer.json()["conference"])) == (400, ["host_view"])


async def test_looks_are_changed_field_by_field_in_both_forms(nc: Client) -> None:
    async with gateway(nc) as http:
        instance = await running(http)
        for body in (
            {"layout": "3x3", "streaming": {"layout": "1:0", "waiting_screen_enabled": True}},
            {"transforms": {"streaming": {"waiting_screen_enabled": False}}},
            {"enable_overlay_text": True, "free_form_overlay_text": ["Chair"]},
        ):
            answer = await http.post(TRANSFORM, json={"conference_id": instance, **body})
            assert (answer.status_code, answer.json()) == (200, {"status": "success"})
        shown = (await http.get(OURS)).json()

    assert shown["layout"] == "9:0"
    transforms = {field: value for field, value in shown["transforms"].items() if value is not None}
    streaming = transforms.pop("streaming")
    assert transforms == {
        "layout": "9:0",
        "enable_overlay_text": True,
        "free_form_overlay_text": ["Chair"],
    }
    assert (streaming["layout"], streaming["waiting_screen_enabled"]) == ("1:0", False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"layout": "9:9"}, "layout"),
        ({"host_layout": "9:9"}, "host_layout"),
        ({"guest_layout": "9:9"}, "guest_layout"),
        ({"streaming": {"layout": "9:9"}}, "streaming"),
        ({"transforms": {"layout": "9:9"}}, "transforms"),
    ],
)
async def test_an_unknown_layout_is_refused_by_field(
    nc: Client, body: dict[str, Any], field: str
) -> None:
    async with gateway(nc) as http:
        instance = await running(http)
        answer = await http.post(TRANSFORM, json={"conference_id": instance, **body})

    assert (answer.status_code, list(answer.json()["conference"])) == (400, [field])
