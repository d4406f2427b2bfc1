"""Requests that cannot be granted, as exceptions for handlers and as answers for callers."""

from typing import Any

import msgspec
import nats.errors
import nats.js.errors
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from services.gateway.core.requests import Errors
from services.gateway.store import NoSuchResource, Unavailable

log = structlog.get_logger()

AnyRequest = Request[Any, Any, Any]


class Problem(Exception):
    """The caller's fault, field by field."""

    def __init__(self, errors: Errors, resource: str, status: int = 400) -> None:
        self.errors = errors
        self.resource = resource
        "What the fields are of, e.g. `conference`."
        self.status = status
        super().__init__(f"{resource}: {', '.join(errors)}")


def json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def _problem(request: AnyRequest, exc: Problem) -> Response[bytes]:
    body: dict[str, Any] = {exc.resource: exc.errors}
    if request.url.path.startswith("/api/admin/command/"):
        body = {"status": "failure", **body}
    return json(body, exc.status)


def _missing(_: AnyRequest, __: NoSuchResource) -> Response[bytes]:
    return json({"error": "There is no such resource."}, 404)


def _unavailable(_: AnyRequest, __: Unavailable) -> Response[bytes]:
    return json({"error": "The services behind this do not answer; try again."}, 503)


def _outage(_: AnyRequest, exc: Exception) -> Response[bytes]:
    log.warning("bus lost", error=type(exc).__name__)
    return json({"error": "The services behind this do not answer; try again."}, 503)


def _http(_: AnyRequest, exc: HTTPException) -> Response[bytes]:
    said = {404: "There is no such page.", 405: "This method is not allowed here."}
    words = said.get(exc.status_code, "The request cannot be understood.")
    return json({"error": words}, exc.status_code, dict(exc.headers or {}))


def _bug(request: AnyRequest, exc: Exception) -> Response[bytes]:
    # The type alone: an exception's text may hold what must not be seen.
    log.error("request failed", method=request.method, error=type(exc).__name__)
    return json({"error": "The server failed."}, 500)


HANDLERS: dict[int | type[Exception], Any] = {
    Problem: _problem,
    NoSuchResource: _missing,
    Unavailable: _unavailable,
    nats.errors.Error: _outage,
    nats.js.errors.Error: _outage,
    HTTPException: _http,
    Exception: _bug,
}
