"""`/api/rostrum/v1/users/`: who may use the API. Shows no hash and, but once, no token."""

from litestar import Controller, delete, get, post
from litestar.response import Response

from services.gateway.accounts import ADMINISTRATOR
from services.gateway.core.requests import UserRequest, read
from services.gateway.given import TheAccounts, Word
from services.gateway.problems import AnyRequest, Problem, json
from services.gateway.store import NoSuchResource


class UsersController(Controller):
    path = "/api/rostrum/v1/users"

    @get("/", sync_to_thread=False)
    def all(self, accounts: TheAccounts) -> Response[bytes]:
        known = [
            *(("user", user.name, user.access) for user in accounts.users.values()),
            *(("token", token.name, token.access) for token in accounts.tokens.values()),
        ]
        shown = [{"name": name, "kind": kind, "access": access} for kind, name, access in known]
        return json({"users": sorted(shown, key=lambda one: one["name"])})

    @post("/")
    async def add(self, request: AnyRequest, accounts: TheAccounts) -> Response[bytes]:
        wanted = read(await request.body(), UserRequest)
        if isinstance(wanted, dict):
            raise Problem(wanted, "user")
        taken = {ADMINISTRATOR, *accounts.users, *accounts.tokens}
        if wanted.name in taken:
            raise Problem({"name": ["A user or token with this name already exists."]}, "user")
        if accounts.open() and wanted.access == "read-only":
            sentence = "The first one must be able to write, or nobody could any more."
            raise Problem({"access": [sentence]}, "user")
        if wanted.password is None:
            token = await accounts.add_token(wanted.name, wanted.access)
            return json({"name": wanted.name, "token": token}, 201)
        await accounts.add_user(wanted.name, wanted.access, wanted.password)
        return json({"name": wanted.name}, 201)

    @delete("/{name:str}", status_code=204)
    async def remove(self, name: Word, accounts: TheAccounts) -> None:
        if accounts.locks_out(name):
            raise Problem({"name": ["Nobody who may write would be left."]}, "user")
        if not await accounts.remove(name):
            raise NoSuchResource
