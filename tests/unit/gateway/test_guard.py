"""Who is let in."""

import asyncio
import base64
from typing import cast

import argon2
import pytest
from litestar.types import HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from kit.kv import Bucket
from kit.secrets import Secret
from proto.accounts import Access
from services.gateway.accounts import TRIES, TRIES_OF_ADDRESS, Accounts
from services.gateway.config import Config
from services.gateway.guard import Guard, host_name

LOCAL = Config()
REMOTE = Config(http_host="0.0.0.0", admin_token=Secret("t0ken"))


CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""As strong as a test needs."""


class Cupboard:
    """A bucket that nobody watches."""

    def watch(self) -> None:
        return None

    async def put(self, key: str, value: bytes) -> None: ...

    async def delete(self, key: str) -> None: ...


class Door:
    """A guard with time that passes when it is told to."""

    def __init__(self, config: Config) -> None:
        token = config.admin_token.reveal() if config.admin_token else None
        bucket = cast(Bucket, Cupboard())
        self.now = 0.0
        self.accounts = Accounts(bucket, token, now=lambda: self.now, hasher=CHEAP)
        self._config = config

    async def knock(
        self, method: str, path: str, address: str = "10.0.0.1", **headers: str
    ) -> tuple[int, dict[str, str]]:
        """Status and headers of the answer; 200 if the request came through."""
        answers: list[Message] = []

        async def app(_: Scope, __: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def send(message: Message) -> None:
            answers.append(message)

        async def receive() -> HTTPReceiveMessage:
            raise AssertionError("nobody reads the body")

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        parts = {"type": "http", "method": method, "path": path, "headers": raw}
        scope = cast(HTTPScope, {**parts, "client": (address, 1)})
        await Guard(app, self._config, self.accounts)(scope, receive, send)
        start = answers[0]
        assert start["type"] == "http.response.start"
        shown = {name.decode(): value.decode() for name, value in start["headers"]}
        assert {"content-security-policy", "x-content-type-options"} <= shown.keys()
        return start["status"], shown

    async def get(self, authorization: str, address: str = "10.0.0.1") -> int:
        status, _ = await self.knock(
            "GET", STATUS, address, host="127.0.0.1", authorization=authorization
        )
        return status


STATUS = "/api/admin/status/v1/conference/"


async def status(config: Config, method: str, path: str, **headers: str) -> int:
    code, _ = await Door(config).knock(method, path, **headers)
    return code


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost", 200),
        ("[::1]:8080", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8080", 403),
        ("", 403),
        ("[::1", 403),
    ],
)
async def test_on_loopback_only_this_machines_names_are_answered(host: str, wanted: int) -> None:
    assert await status(LOCAL, "GET", "/", host=host) == wanted


@pytest.mark.parametrize(
    ("method", "origin", "wanted"),
    [
        ("POST", "http://127.0.0.1:8080", 200),
        ("POST", "http://evil.example", 403),
        ("DELETE", "null", 403),
        ("GET", "http://evil.example", 200),
    ],
)
async def test_no_other_site_may_change_anything(method: str, origin: str, wanted: int) -> None:
    got = await status(LOCAL, method, "/api/rostrum/v1/x", host="127.0.0.1:8080", origin=origin)
    assert got == wanted


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("path", "authorization", "wanted"),
    [
        ("/api/admin/status/v1/conference/", "Bearer t0ken", 200),
        ("/api/admin/status/v1/conference/", basic("admin", "t0ken"), 200),
        ("/api/admin/status/v1/conference/", basic("root", "t0ken"), 401),
        ("/api/rostrum/v1/conferences/", "Bearer wrong", 401),
        ("/api/rostrum/v1/conferences/", "Basic ???", 401),
        ("/api/rostrum/v1/conferences/", "", 401),
        ("/health/live", "", 200),
    ],
)
async def test_with_a_token_the_apis_want_it(path: str, authorization: str, wanted: int) -> None:
    got = await status(REMOTE, "GET", path, host="rostrum.example", authorization=authorization)
    assert got == wanted


@pytest.fixture
async def door() -> Door:
    """Ada may write, Bob may look."""
    door = Door(LOCAL)
    await door.accounts.add_user("ada", "read-write", "correct horse")
    await door.accounts.add_user("bob", "read-only", "battery staple")
    return door


async def test_until_somebody_is_named_everybody_on_this_machine_may_come_in() -> None:
    assert await Door(LOCAL).get("") == 200


@pytest.mark.parametrize(
    ("name", "password", "wanted"),
    [
        ("ada", "correct horse", 200),
        ("bob", "battery staple", 200),
        ("ada", "battery staple", 401),
        ("ada", "", 401),
        ("eve", "correct horse", 401),
        ("", "", 401),
    ],
)
async def test_a_user_comes_in_with_the_right_password(
    door: Door, name: str, password: str, wanted: int
) -> None:
    assert await door.get(basic(name, password)) == wanted


async def test_a_right_password_stays_right_and_a_wrong_one_wrong(door: Door) -> None:
    for _ in range(3):
        assert await door.get(basic("ada", "correct horse")) == 200
        assert await door.get(basic("ada", "wrong horse")) == 401


@pytest.mark.parametrize(
    ("user", "password", "method", "wanted"),
    [
        ("ada", "correct horse", "DELETE", 200),
        ("bob", "battery staple", "DELETE", 403),
        ("bob", "battery staple", "GET", 200),
    ],
)
async def test_who_may_look_only_may_not_write(
    door: Door, user: str, password: str, method: str, wanted: int
) -> None:
    code, _ = await door.knock(
        method,
        "/api/admin/configuration/v1/conference/1/",
        host="127.0.0.1",
        authorization=basic(user, password),
    )
    assert code == wanted


@pytest.mark.parametrize("access", ["read-only", "read-write"])
async def test_a_token_is_as_good_as_its_whole_text(door: Door, access: Access) -> None:
    token = await door.accounts.add_token("robot", access)
    assert await door.get(f"Bearer {token}") == 200
    assert await door.get(f"Bearer {token}x") == 401
    assert await door.get("Bearer robot.") == 401
    assert await door.get("Bearer robot") == 401
    assert token not in str(door.accounts.tokens)


async def test_who_is_removed_stays_outside(door: Door) -> None:
    assert await door.get(basic("bob", "battery staple")) == 200
    assert await door.accounts.remove("bob")
    assert await door.get(basic("bob", "battery staple")) == 401
    assert not await door.accounts.remove("bob")


async def test_a_new_password_ends_the_old_one(door: Door) -> None:
    assert await door.get(basic("bob", "battery staple")) == 200
    await door.accounts.add_user("bob", "read-only", "another staple")
    assert await door.get(basic("bob", "battery staple")) == 401
    assert await door.get(basic("bob", "another staple")) == 200


async def test_the_last_one_who_may_write_is_known(door: Door) -> None:
    assert door.accounts.locks_out("ada")
    assert not door.accounts.locks_out("bob")


async def test_a_stranger_is_told_how_to_come_in(door: Door) -> None:
    code, headers = await door.knock("GET", STATUS, host="127.0.0.1")
    assert code == 401
    assert "www-authenticate" in headers


async def test_many_wrong_passwords_make_a_name_wait(door: Door) -> None:
    wrong = basic("ada", "guess")
    assert [await door.get(wrong) for _ in range(TRIES)] == [401] * TRIES
    code, headers = await door.knock("GET", STATUS, host="127.0.0.1", authorization=wrong)
    assert (code, headers["retry-after"]) == (429, "10")
    assert await door.get(basic("ada", "correct horse"), "10.0.0.9") == 429
    assert await door.get(basic("bob", "battery staple")) == 200
    door.now = 10.0
    assert await door.get(basic("ada", "correct horse")) == 200


async def test_many_wrong_names_make_an_address_wait(door: Door) -> None:
    for number in range(TRIES_OF_ADDRESS):
        assert await door.get(f"Bearer guess-{number}") == 401
    assert await door.get(basic("bob", "battery staple")) == 429
    assert await door.get(basic("bob", "battery staple"), "10.0.0.9") == 200


async def test_right_passwords_at_once_are_not_too_many(door: Door) -> None:
    good = [door.get(basic("ada", "correct horse")) for _ in range(4 * TRIES_OF_ADDRESS)]
    assert set(await asyncio.gather(*good)) == {200}


async def test_wrong_passwords_at_once_are_counted(door: Door) -> None:
    bad = [door.get(basic("ada", f"guess {n}"), f"10.0.0.{n}") for n in range(20)]
    codes = await asyncio.gather(*bad)
    assert codes.count(401) == TRIES


def test_without_a_token_it_stays_on_loopback() -> None:
    assert LOCAL.wrong() is None
    assert REMOTE.wrong() is None
    assert Config(http_host="0.0.0.0").wrong() is not None
    assert Config(http_host="0.0.0.0", admin_token=Secret("")).wrong() is not None


def test_a_host_is_taken_apart() -> None:
    assert host_name("LocalHost:80") == "localhost"
    assert host_name("[::1]:80") == "::1"
