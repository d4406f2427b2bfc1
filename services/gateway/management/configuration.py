"""`/api/admin/configuration/v1/<resource>/`: what is configured."""

from typing import Any

from litestar import Controller, delete, get, patch, post, put
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import MethodNotAllowedException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.response import Response

from kit.theme.package import LARGEST_PACKAGE
from services.gateway.calls import Calls
from services.gateway.core.catalogue import CONFIGURED, CONFIGURED_FIELDS, SINGLE, schema
from services.gateway.core.configuration import ROOT, uri
from services.gateway.core.requests import NO_OBJECT, json_object
from services.gateway.core.resources import shape
from services.gateway.given import Number, TheCalls, TheEditor, TheStore, Word
from services.gateway.management.editor import Editor
from services.gateway.management.lists import configured, listed
from services.gateway.problems import AnyRequest, Problem, json
from services.gateway.store import NoSuchResource

LARGEST_WORDS = 1_000_000
"""Bytes of a body without a file, as elsewhere."""

LARGEST_FORM = LARGEST_PACKAGE + 10_000
"""Bytes of one with a package."""

DELETED = "The conference was deleted"


class ConfigurationController(Controller):
    path = ROOT

    @get("/{kind:str}", sync_to_thread=False)
    def all(self, kind: Word, request: AnyRequest, store: TheStore) -> Response[bytes]:
        _known(kind)
        objects = [shape(one, kind, store.now) for _, one in sorted(store.now.of(kind).items())]
        return listed(request, uri(kind), objects, CONFIGURED_FIELDS[kind], configured(store))

    @get("/{kind:str}/schema", sync_to_thread=False)
    def schema(self, kind: Word) -> Response[bytes]:
        _known(kind)
        return json(schema(ROOT, kind))

    @get("/{kind:str}/{number:int}", sync_to_thread=False)
    def one(self, kind: Word, number: Number, store: TheStore) -> Response[bytes]:
        _known(kind)
        return json(shape(store.find(kind, number), kind, store.now))

    @post("/{kind:str}", request_max_body_size=LARGEST_FORM)
    async def create(self, kind: Word, request: AnyRequest, editor: TheEditor) -> Response[bytes]:
        _several(kind)
        fields, package = await _form(request, kind)
        made = await editor.create(kind, fields, package=package)
        return Response(b"", status_code=201, headers={"Location": uri(kind, made)})

    @patch("/{kind:str}")
    async def change_many(
        self, kind: Word, request: AnyRequest, editor: TheEditor, calls: TheCalls
    ) -> Response[bytes]:
        """Several at once: `objects` are changed, or made if they have no `resource_uri`."""
        _several(kind)
        for gone in await editor.change_many(kind, await _body(request, kind)):
            await _end(kind, gone, calls)
        return Response(b"", status_code=202)

    @patch("/{kind:str}/{number:int}", request_max_body_size=LARGEST_FORM)
    async def change(
        self, kind: Word, number: Number, request: AnyRequest, editor: TheEditor
    ) -> Response[bytes]:
        return await _change(kind, number, request, editor, whole=False)

    @put("/{kind:str}/{number:int}", request_max_body_size=LARGEST_FORM)
    async def replace(
        self, kind: Word, number: Number, request: AnyRequest, editor: TheEditor
    ) -> Response[bytes]:
        return await _change(kind, number, request, editor, whole=True)

    @delete("/{kind:str}/{number:int}", status_code=204)
    async def remove(
        self, kind: Word, number: Number, store: TheStore, editor: TheEditor, calls: TheCalls
    ) -> None:
        _several(kind)
        gone = store.find(kind, number)
        await editor.remove(kind, number)
        await _end(kind, gone, calls)


async def _change(
    kind: str, number: int, request: AnyRequest, editor: Editor, *, whole: bool
) -> Response[bytes]:
    _known(kind)
    fields, package = await _form(request, kind)
    await editor.change(kind, number, fields, whole=whole, package=package)
    return Response(b"", status_code=204 if whole else 202)


async def _end(kind: str, gone: Any, calls: Calls) -> None:
    """A conference that is no longer configured does not go on."""
    if kind == "conference":
        await calls.end_if_running(gone.key, DELETED)


def _known(kind: str) -> None:
    if kind not in CONFIGURED:
        raise NoSuchResource


def _several(kind: str) -> None:
    _known(kind)
    if kind in SINGLE:
        raise MethodNotAllowedException


async def _form(request: AnyRequest, kind: str) -> tuple[dict[str, Any], bytes | None]:
    """The fields, and the package of a theme if it came along, which only a form can bring."""
    if kind != "ivr_theme" or request.content_type[0] != RequestEncodingType.MULTI_PART:
        return await _body(request, kind), None
    fields, package = {}, None
    for name, value in (await request.form()).multi_items():
        if name != "package":
            fields[name] = value if isinstance(value, str) else ""
        elif isinstance(value, UploadFile):
            package = await value.read()
        elif value:
            raise Problem({"package": ["This must be a file."]}, kind)
    return fields, package


async def _body(request: AnyRequest, kind: str) -> dict[str, Any]:
    if (request.content_length or 0) > LARGEST_WORDS:
        raise RequestEntityTooLarge
    body = await request.body()
    if len(body) > LARGEST_WORDS:
        raise RequestEntityTooLarge
    given = json_object(body)
    if given is None:
        raise Problem(NO_OBJECT, kind)
    return given
