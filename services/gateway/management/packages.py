"""`/api/rostrum/v1/themes/…`: packages of themes by themselves, and what may be in one."""

from litestar import Controller, get, put
from litestar.response import Response

from kit.theme.package import LARGEST_PACKAGE
from services.gateway.core.theme_schema import document
from services.gateway.given import Number, TheEditor, TheThemes
from services.gateway.problems import AnyRequest, json

SCHEMA = document()


class PackagesController(Controller):
    path = "/api/rostrum/v1/themes"

    @get("/schema", sync_to_thread=False)
    def schema(self) -> Response[bytes]:
        return json(SCHEMA)

    @get("/{number:int}/package")
    async def download(self, number: Number, themes: TheThemes) -> Response[bytes]:
        package = await themes.package(number)
        headers = {"Content-Disposition": f'attachment; filename="theme-{number}.zip"'}
        return Response(package, media_type="application/zip", headers=headers)

    # One byte more, so that it is said which limit it is that was passed.
    @put("/{number:int}/package", status_code=204, request_max_body_size=LARGEST_PACKAGE + 1)
    async def upload(self, number: Number, request: AnyRequest, editor: TheEditor) -> None:
        await editor.change("ivr_theme", number, {}, whole=False, package=await request.body())
