"""Snapshots over HTTP: a real gateway, a real mixer worker and its conference's process."""

import asyncio
import io
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from nats.aio.client import Client
from PIL import Image

from tests.support.gateway import gateway
from tests.support.mixed import ONE, RED, YELLOW, configured, mixed
from tests.support.watch import is_near, mean_colour

pytestmark = pytest.mark.nats


async def shown(http: httpx.AsyncClient, name: str, colour: tuple[int, int, int]) -> httpx.Response:
    """The first answer whose picture has that colour in the middle; sources take time to open."""
    async with asyncio.timeout(30):
        while True:
            answer = await http.get(f"{ONE}/{name}.jpeg")
            if answer.status_code == 200 and is_near(middle(answer.content), colour):
                return answer
            await asyncio.sleep(0.3)


def middle(jpeg: bytes) -> tuple[int, int, int]:
    picture = np.asarray(Image.open(io.BytesIO(jpeg)))
    return mean_colour(picture, (0, 0, picture.shape[1], picture.shape[0]))


async def test_the_conference_and_its_presentation_can_be_looked_at(
    nc: Client, nats_url: str, tmp_path: Path
) -> None:
    async with mixed(nc, nats_url, tmp_path) as http:
        preview = await shown(http, "preview", RED)
        nobody = await http.get(f"{ONE}/presentation.jpeg")
        ann = (await http.get(f"{ONE}/")).json()["participants"][0]["participant"]
        await http.put(f"{ONE}/participants/{ann}/presenting/")
        small = await shown(http, "presentation", YELLOW)
        large = await shown(http, "presentation_high", YELLOW)
        tag = {"If-None-Match": large.headers["etag"]}
        same = await http.get(f"{ONE}/presentation_high.jpeg", headers=tag)

    assert preview.headers["content-type"] == "image/jpeg"
    assert preview.headers["cache-control"] == "private, max-age=2"
    assert Image.open(io.BytesIO(preview.content)).size == (640, 360)
    assert nobody.status_code == 404
    assert nobody.json() == {"error": "Nobody presents at the moment."}
    assert Image.open(io.BytesIO(small.content)).size == (640, 480)
    assert Image.open(io.BytesIO(large.content)).size == (640, 480)
    assert (same.status_code, same.content) == (304, b"")


async def test_all_who_ask_at_once_get_the_same_picture(
    nc: Client, nats_url: str, tmp_path: Path
) -> None:
    async with mixed(nc, nats_url, tmp_path) as http:
        await shown(http, "preview", RED)
        await asyncio.sleep(2.0)
        asked = [http.get(f"{ONE}/preview.jpeg") for _ in range(30)]
        tags = {answer.headers["etag"] for answer in await asyncio.gather(*asked)}
    assert len(tags) == 1


@pytest.mark.parametrize("picture", ["preview", "presentation", "presentation_high"])
async def test_without_a_mixer_there_is_no_picture_and_one_may_ask_again(
    nc: Client, picture: str
) -> None:
    async with gateway(nc) as http:
        await configured(http)
        answer = await http.get(f"{ONE}/{picture}.jpeg")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert answer.headers["cache-control"] == "no-store"
        unknown = await http.get(f"/api/rostrum/v1/conferences/nope/{picture}.jpeg")
        assert unknown.status_code == 404


async def test_the_stage_and_its_levels_are_told_to_the_page(
    nc: Client, nats_url: str, tmp_path: Path
) -> None:
    """As Pexip's clients are told: who spoke last first, and how loud each is."""
    told: list[dict[str, object]] = []
    async with mixed(nc, nats_url, tmp_path) as http:
        ann = (await http.get(f"{ONE}/")).json()["participants"][0]["participant"]
        async with asyncio.timeout(30), http.stream("GET", f"{ONE}/events/") as stream:
            kind = ""
            async for line in stream.aiter_lines():
                name, _, value = line.partition(": ")
                kind = value if name == "event" else kind
                if name == "data" and kind == "stage":
                    told += json.loads(value)
                    if told[-1]["vad"]:
                        break
    assert {(each["participant_uuid"], each["stage_index"]) for each in told} == {(ann, 0)}


async def test_somebody_is_put_into_the_spotlight_and_out_of_it(nc: Client) -> None:
    async with gateway(nc) as http:
        await configured(http)
        body = {"display_name": "Ann", "media": "rtsp://camera/1"}
        ann = (await http.post(f"{ONE}/participants/", json=body)).json()["participant"]
        lit = f"{ONE}/participants/{ann}/spotlight/"
        assert (await http.put(lit)).status_code == 204
        assert (await http.get(f"{ONE}/")).json()["participants"][0]["spotlight"] is not None
        assert (await http.delete(lit)).status_code == 204
        assert (await http.get(f"{ONE}/")).json()["participants"][0]["spotlight"] is None
        assert (await http.put(f"{ONE}/participants/eve/spotlight/")).status_code == 404
