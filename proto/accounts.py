"""Who may use the management API: KV `config`, keys `api_user.<name>` and `api_token.<name>`."""

from typing import Literal

import msgspec

from proto.base import Token

Access = Literal["read-only", "read-write"]

USER = "api_user"
TOKEN = "api_token"


class ApiUser(msgspec.Struct, frozen=True):
    """Somebody with a password."""

    name: Token
    access: Access
    password_hash: str
    "Argon2id, in the usual text form."


class ApiToken(msgspec.Struct, frozen=True):
    """A program with a token `<name>.<secret>`."""

    name: Token
    access: Access
    secret_hash: str
    "SHA-256 in hex: the secret is random and long, so that nothing slower is needed."
