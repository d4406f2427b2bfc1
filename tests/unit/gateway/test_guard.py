"""Who is let in."""

import base64

import pytest
from litestar.types import HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from kit.secrets import Secret
from services.gateway.config import Config
from services.gateway.guard import Guard, host_name

LOCAL = Config()
REMOTE = Config(http_host="0.0.0.0", admin_token=Secret("t0ken"))


async def status(config: Config, method: str, path: str, **headers: str) -> int:
    """What a request is answered with; 200 if it came through."""
    answers: list[Message] = []

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        answers.append(message)

    async def receive() -> HTTPReceiveMessage:
        raise AssertionError("nobody reads the body")

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: HTTPScope = {"type": "http", "method": method, "path": path, "headers": raw}  # type: ignore[typeddict-item]
    await Guard(app, config)(scope, receive, send)
    start = answers[0]
    assert start["type"] == "http.response.start"
    names = {name for name, _ in start["headers"]}
    assert {b"content-security-policy", b"x-content-type-options"} <= names
    return start["status"]


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


def test_without_a_token_it_stays_on_loopback() -> None:
    assert LOCAL.wrong() is None
    assert REMOTE.wrong() is None
    assert Config(http_host="0.0.0.0").wrong() is not None
    assert Config(http_host="0.0.0.0", admin_token=Secret("")).wrong() is not None


def test_a_host_is_taken_apart() -> None:
    assert host_name("LocalHost:80") == "localhost"
    assert host_name("[::1]:80") == "::1"
