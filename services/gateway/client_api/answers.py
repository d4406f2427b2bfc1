"""The envelope of Pexip's client API, and what goes into it when something is refused."""

from typing import Any

import msgspec
import nats.errors
import nats.js.errors
import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from services.gateway.problems import AnyRequest, Problem, json
from services.gateway.store import NoSuchResource, Unavailable

log = structlog.get_logger()

INVALID_TOKEN = "Invalid token"
INVALID_PIN = "Invalid PIN"
NOT_FOUND = "Neither conference nor gateway found"
FULL = "Participant limit reached"
ILLEGAL = "Illegal value"
"""Pexip's own words, which programs know."""

FORBIDDEN = "This is for Hosts, or about somebody else."
OUT = "The services behind this do not answer; try again."


class Failed(Exception):
    """What a client is told that gets a no."""

    def __init__(self, status: int, result: Any, *, word: str = "failed", wait: int = 0) -> None:
        self.status = status
        self.result = result
        self.word = word
        self.wait = wait
        "Seconds until another try."
        super().__init__(f"{status}")


def success(result: Any = True) -> Response[bytes]:
    return json({"status": "success", "result": result})


def _failed(_: AnyRequest, exc: Failed) -> Response[bytes]:
    headers = {"Retry-After": str(exc.wait)} if exc.wait else {}
    return json({"status": exc.word, "result": exc.result}, exc.status, headers)


def said(exc: Problem) -> str:
    """All that is wrong, as one text."""
    return " ".join(
        sentence if field == "__all__" else f"{field}: {sentence}"
        for field, sentences in exc.errors.items()
        for sentence in sentences
    )


def _answer(status: int, result: str) -> Response[bytes]:
    return json({"status": "failed", "result": result}, status)


def _problem(_: AnyRequest, exc: Problem) -> Response[bytes]:
    return _answer(exc.status, said(exc))


def _missing(_: AnyRequest, __: NoSuchResource) -> Response[bytes]:
    return _answer(404, NOT_FOUND)


def _outage(_: AnyRequest, __: Exception) -> Response[bytes]:
    return _answer(503, OUT)


def _http(_: AnyRequest, exc: HTTPException) -> Response[bytes]:
    return _answer(exc.status_code, "The request cannot be understood.")


def _bug(request: AnyRequest, exc: Exception) -> Response[bytes]:
    # The type alone: an exception's text may hold what must not be seen.
    log.error("request failed", method=request.method, error=type(exc).__name__)
    return _answer(500, "The server failed.")


HANDLERS: dict[int | type[Exception], Any] = {
    Failed: _failed,
    Problem: _problem,
    NoSuchResource: _missing,
    Unavailable: _outage,
    nats.errors.Error: _outage,
    nats.js.errors.Error: _outage,
    msgspec.MsgspecError: _outage,
    HTTPException: _http,
    Exception: _bug,
}
