"""Lists and single objects, as every tree of the management API answers for them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from litestar.response import Response

from services.gateway.core.catalogue import CONFIGURED_FIELDS
from services.gateway.core.fields import Field
from services.gateway.core.filters import Related, select
from services.gateway.core.paging import page, window
from services.gateway.core.resources import shape
from services.gateway.problems import AnyRequest, Problem, json
from services.gateway.store import Store


def listed(
    request: AnyRequest,
    path: str,
    objects: Iterable[Any],
    fields: Mapping[str, Field],
    related: Related,
) -> Response[bytes]:
    """The page of a list that was asked for. Raises Problem if that cannot be understood."""
    resource = path.rstrip("/").rsplit("/", 1)[-1]
    asked = [(name, str(value)) for name, value in request.query_params.multi_items()]
    at = window(asked)
    if isinstance(at, dict):
        raise Problem(at, resource)
    found = select((msgspec.to_builtins(one) for one in objects), asked, fields, related)
    if isinstance(found, dict):
        raise Problem(found, resource)
    return json(page(path, found, at, asked))


def configured(store: Store) -> Related:
    """What lies behind the URIs of the configuration."""

    def find(kind: str, number: int) -> dict[str, Any] | None:
        one = store.now.of(kind).get(number)
        return None if one is None else shape(one, kind, store.now)

    return Related(CONFIGURED_FIELDS, find)


def nothing(_: str, __: int) -> None:
    """Behind the lists of status and history lies no configuration."""


UNRELATED = Related({}, nothing)


def kind_of(request: AnyRequest) -> str:
    """`conference`, for a request to `…/conference/schema/`."""
    return request.url.path.rstrip("/").rsplit("/", 2)[-2]
