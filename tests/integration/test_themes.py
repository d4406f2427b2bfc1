"""Packages of themes over the management API, and what becomes of them."""

from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from kit.blobs import Blobs, digest
from proto.subjects import THEMES
from tests.support.gateway import gateway
from tests.support.themes import packed, square

pytestmark = pytest.mark.nats

THEME = "/api/admin/configuration/v1/ivr_theme/"
OURS = "/api/rostrum/v1/themes/"
RED = packed({"indicators": {"streaming": {"icon": "i.svg"}}}, {"i.svg": square("red")})
BLUE = packed({"indicators": {"streaming": {"icon": "i.svg"}}}, {"i.svg": square("blue")})
BROKEN = packed({"indicators": {"streaming": {"icon": "i.svg"}}}, {"i.svg": b"<svg/>"})


def file(package: bytes) -> dict[str, Any]:
    return {"package": ("theme.zip", package, "application/zip")}


async def stored(nc: Client, package: bytes) -> bool:
    return await (await Blobs.ensure(nc.jetstream(), THEMES)).has(digest(package))


async def make(http: httpx.AsyncClient, name: str, package: bytes) -> str:
    made = await http.post(THEME, data={"name": name}, files=file(package))
    assert made.status_code == 201, made.text
    return str(made.headers["Location"])


def number(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1]


async def test_a_theme_comes_as_a_form_with_a_file_as_pexips_do(nc: Client) -> None:
    async with gateway(nc) as http:
        uri = await make(http, "Red", RED)
        shown = (await http.get(uri)).json()
        assert (shown["name"], shown["package"]) == ("Red", digest(RED))
        assert shown["package_size"] == len(RED)
        package = f"{OURS}{number(uri)}/package/"
        assert (await http.get(package)).content == RED

        changed = await http.patch(uri, files=file(BLUE))
        assert changed.status_code == 202, changed.text
        assert (await http.get(uri)).json()["name"] == "Red"
        assert (await http.get(package)).content == BLUE
        assert not await stored(nc, RED)

        assert (await http.put(package, content=RED)).status_code == 204
        assert (await http.get(package)).content == RED


async def test_what_is_shown_may_be_sent_back(nc: Client) -> None:
    async with gateway(nc) as http:
        uri = await make(http, "Red", RED)
        shown = (await http.get(uri)).json()
        assert (await http.put(uri, json={**shown, "name": "Rouge"})).status_code == 204
        assert (await http.get(uri)).json() == {**shown, "name": "Rouge"}
        wrong = await http.patch(uri, json={"package": "theme.zip"})
        assert (wrong.status_code, list(wrong.json()["ivr_theme"])) == (400, ["package"])


async def test_what_is_no_theme_is_refused_by_its_field_and_nothing_is_stored(nc: Client) -> None:
    async with gateway(nc) as http:
        uri = await make(http, "Red", RED)
        package = f"{OURS}{number(uri)}/package/"
        for answer in (
            await http.post(THEME, data={"name": "New"}, files=file(BROKEN)),
            await http.patch(uri, files=file(BROKEN)),
            await http.put(package, content=BROKEN),
        ):
            assert answer.status_code == 400
            assert answer.json() == {"ivr_theme": {"package": ["“i.svg” is not an SVG."]}}
        assert not await stored(nc, BROKEN)
        assert (await http.get(package)).content == RED
        assert (await http.get(f"{THEME}?name=New")).json()["meta"]["total_count"] == 0
        assert (await http.put(package, content=bytes(33 << 20))).status_code in (400, 413)
        large = await http.post(THEME, content=b" " * 1_000_001)
        assert large.status_code == 413


async def test_other_mistakes_leave_no_package_behind(nc: Client) -> None:
    async with gateway(nc) as http:
        await make(http, "Red", RED)
        again = await http.post(THEME, data={"name": "red"}, files=file(BLUE))
        assert list(again.json()["ivr_theme"]) == ["name"]
        assert not await stored(nc, BLUE)
        unknown = await http.post(THEME, data={"name": "Blue", "hue": "1"}, files=file(BLUE))
        assert list(unknown.json()["ivr_theme"]) == ["hue"]
        words = await http.post(THEME, files={"name": (None, "Blue"), "package": (None, "zip")})
        assert list(words.json()["ivr_theme"]) == ["package"]
        assert (await http.put(f"{OURS}99/package/", content=BLUE)).status_code == 404
        assert not await stored(nc, BLUE)


async def test_a_package_is_deleted_with_the_last_theme_that_has_it(nc: Client) -> None:
    async with gateway(nc) as http:
        one, other = await make(http, "One", RED), await make(http, "Other", RED)
        assert (await http.delete(one)).status_code == 204
        assert await stored(nc, RED)
        assert (await http.delete(other)).status_code == 204
        assert not await stored(nc, RED)
        plain = await http.post(THEME, json={"name": "Plain"})
        gone = await http.get(f"{OURS}{number(plain.headers['Location'])}/package/")
        assert gone.status_code == 404


async def test_the_default_theme_is_a_global_setting_and_stays_while_it_is_one(nc: Client) -> None:
    async with gateway(nc) as http:
        uri = await make(http, "House", RED)
        settings = "/api/admin/configuration/v1/global/1/"
        assert (await http.patch(settings, json={"default_theme": uri})).status_code == 202
        assert (await http.get(settings)).json()["default_theme"] == uri
        kept = await http.delete(uri)
        assert (kept.status_code, "default theme" in kept.text) == (400, True)
        nowhere = await http.patch(settings, json={"default_theme": f"{THEME}99/"})
        assert list(nowhere.json()["global"]) == ["default_theme"]


async def test_what_may_be_in_a_theme_is_served(nc: Client) -> None:
    async with gateway(nc) as http:
        schema = (await http.get(f"{OURS}schema/")).json()
        assert "text_every" in str(schema)
        assert schema["$schema"].startswith("https://json-schema.org/")
