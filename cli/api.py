"""The gateway's API, as commands use it."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
from typer import Context

from cli.failure import Failure
from cli.place import api_url

CONFIGURATION = "/api/admin/configuration/v1"
COMMAND = "/api/admin/command/v1"
OURS = "/api/rostrum/v1"

PATIENCE = 20.0
"""Seconds for one answer; a file that is joined with is looked into first."""


class Api:
    def __init__(self, url: str, token: str = "", user: tuple[str, str] | None = None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # No proxy and no netrc: what is sent may hold a stream key.
        self._http = httpx.Client(
            base_url=url,
            headers=headers,
            auth=user if user and not token else None,
            timeout=PATIENCE,
            trust_env=False,
        )

    @classmethod
    def of(cls, context: Context) -> "Api":
        """The one that the options before the command's name say.

        Who asks is in the environment: a token in `ROSTRUM_ADMIN_TOKEN`, else a user and password
        in `ROSTRUM_API_USER` and `ROSTRUM_API_PASSWORD`.
        """
        given = context.find_root().params.get("url")
        token = os.environ.get("ROSTRUM_ADMIN_TOKEN", "")
        name = os.environ.get("ROSTRUM_API_USER", "")
        user = (name, os.environ.get("ROSTRUM_API_PASSWORD", "")) if name else None
        return cls(api_url(given), token, user)

    def get(self, path: str) -> Any:
        return self.request("GET", path).json()

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.request("POST", path, body)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Ask. Raises Failure with what the server says, field by field."""
        return self._answered(self._http.build_request(method, path, json=body))

    def upload(
        self, method: str, path: str, package: bytes, fields: dict[str, str] | None = None
    ) -> httpx.Response:
        """The same with a file, as a form."""
        files = {"package": ("theme.zip", package, "application/zip")}
        return self._answered(self._http.build_request(method, path, data=fields, files=files))

    def _answered(self, request: httpx.Request) -> httpx.Response:
        try:
            response = self._http.send(request)
        except httpx.HTTPError as exc:
            raise self._unreachable() from exc
        if response.is_success:
            return response
        raise Failure(said(response), 2 if response.status_code in (401, 403, 503) else 1)

    def lines(self, path: str) -> Iterator[str]:
        """A long answer, line by line."""
        try:
            with self._http.stream("GET", path) as response:
                if not response.is_success:
                    response.read()
                    raise Failure(said(response))
                yield from response.iter_lines()
        except httpx.HTTPError as exc:
            raise self._unreachable() from exc

    def chunks(self, path: str) -> Iterator[bytes]:
        """A long answer, as it comes."""
        try:
            with self._http.stream("GET", path) as response:
                if not response.is_success:
                    response.read()
                    raise Failure(said(response))
                yield from response.iter_bytes()
        except httpx.HTTPError as exc:
            raise self._unreachable() from exc

    def all(self, resource: str) -> list[dict[str, Any]]:
        """Every configured resource of a kind."""
        found: list[dict[str, Any]] = self.get(f"{CONFIGURATION}/{resource}/?limit=0")["objects"]
        return found

    def conference(self, alias: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"{OURS}/conferences/{segment(alias)}/")
        return found

    def _unreachable(self) -> Failure:
        return Failure(
            f"nothing answers at {self.url}; start it with `rostrum up`, or say where it is"
            " with --url or ROSTRUM_URL",
            2,
        )


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def said(response: httpx.Response) -> str:
    """An error of the API as a sentence that names the field."""
    try:
        body = response.json()
    except ValueError:
        return f"the server answered with {response.status_code}"
    fields = next((value for value in body.values() if isinstance(value, dict)), None)
    if fields is None:
        return str(body.get("error", f"the server answered with {response.status_code}"))
    return "; ".join(
        " ".join(reasons) if field == "__all__" else f"{field}: {' '.join(reasons)}"
        for field, reasons in fields.items()
    )
