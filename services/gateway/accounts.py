"""Users and tokens of the API: a mirror of theirs in KV `config`, and who is who.

A password is checked in a thread, for that takes a while on purpose. What was right is remembered
under a key of this process alone, so that only the first request of a user is slow.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

import argon2
import msgspec
import structlog
from argon2.exceptions import InvalidHashError, VerificationError

from kit.kv import Bucket, Watch
from proto.accounts import TOKEN, USER, Access, ApiToken, ApiUser
from proto.base import encode
from services.gateway.core.access import Shown
from services.gateway.core.throttle import Throttle

log = structlog.get_logger()

TRIES = 5
"""Wrong passwords of one name at once; a person mistypes a few times."""

PAUSE = 10.0
"""Seconds until one more."""

TRIES_OF_ADDRESS = 20
"""Of one address, behind which may be several people."""

PAUSE_OF_ADDRESS = 3.0

AT_ONCE = 2
"""Password checks that run at the same time: each takes 64 MiB and tens of milliseconds."""

TURNS = 64
"""Names are checked one at a time each; more names than this share their turns."""

ADMINISTRATOR = "admin"
"""The name that `ROSTRUM_ADMIN_TOKEN` is the password of."""


class TooMany(Exception):
    """There were too many failures."""

    def __init__(self, wait: int) -> None:
        self.wait = wait
        "Seconds."
        super().__init__(f"wait {wait} s")


class Accounts:
    def __init__(
        self,
        bucket: Bucket,
        admin_token: str | None,
        *,
        now: Callable[[], float],
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        self._bucket = bucket
        self._watch = bucket.watch()
        self._admin = admin_token.encode() if admin_token else None
        self._now = now
        self._hasher = hasher or argon2.PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())
        "Checked for names that do not exist, so that these take as long as others."
        self.users: dict[str, ApiUser] = {}
        self.tokens: dict[str, ApiToken] = {}
        self._names = Throttle(TRIES, PAUSE)
        self._addresses = Throttle(TRIES_OF_ADDRESS, PAUSE_OF_ADDRESS)
        self._key = secrets.token_bytes(32)
        self._right: dict[str, tuple[str, bytes]] = {}
        "Of each user: the hash that a password was right for, and its digest."
        self._turns = [asyncio.Lock() for _ in range(TURNS)]
        self._threads = asyncio.Semaphore(AT_ONCE)

    @property
    def watch(self) -> Watch:
        return self._watch

    def open(self) -> bool:
        """Nobody has been named yet who may come in: then whoever reaches this may."""
        return not (self._admin or self.users or self.tokens)

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def follow(self) -> None:
        async for key, value, _ in self._watch.entries():
            kind, _, name = key.partition(".")
            mirror: Any = {USER: self.users, TOKEN: self.tokens}.get(kind)
            if mirror is None:
                continue
            self._right.pop(name, None)
            if value is None:
                mirror.pop(name, None)
                continue
            try:
                mirror[name] = msgspec.json.decode(
                    value, type=ApiUser if kind == USER else ApiToken
                )
            except msgspec.MsgspecError:
                mirror.pop(name, None)
                log.error("account cannot be read", kind=kind)

    async def who(self, given: Shown | None, address: str) -> Access | None:
        """What the caller may do; None if they are not who they say. Raises TooMany."""
        if given is None:
            return None
        name = f"{given.scheme}:{given.name}"
        async with self._turns[hash(name) % TURNS]:
            for throttle, key in ((self._addresses, address), (self._names, name)):
                if wait := throttle.take(key, self._now()):
                    log.warning("too many failures", address=address)
                    raise TooMany(wait)
            access = await self._check(given)
            if access is not None:
                self._addresses.give_back(address, self._now())
                self._names.give_back(name, self._now())
            return access

    async def _check(self, given: Shown) -> Access | None:
        if self._is_administrator(given):
            return "read-write"
        if given.scheme == "bearer":
            return self._token(given)
        return await self._password(given)

    def _is_administrator(self, given: Shown) -> bool:
        if self._admin is None or (given.scheme == "basic" and given.name != ADMINISTRATOR):
            return False
        return hmac.compare_digest(_digest(given.proof), _digest(self._admin))

    def _token(self, given: Shown) -> Access | None:
        known = self.tokens.get(given.name)
        wanted = known.secret_hash if known else _digest(b"")
        same = hmac.compare_digest(_digest(given.proof), wanted)
        return known.access if known and same else None

    async def _password(self, given: Shown) -> Access | None:
        known = self.users.get(given.name)
        digest = hmac.digest(self._key, given.proof, "sha256")
        if known is not None:
            was = self._right.get(given.name)
            if was and was[0] == known.password_hash and hmac.compare_digest(was[1], digest):
                return known.access
        wanted = known.password_hash if known else self._nobody
        async with self._threads:
            right = await asyncio.to_thread(_verify, self._hasher, wanted, given.proof)
        if known is None or not right:
            return None
        self._right[given.name] = (known.password_hash, digest)
        return known.access

    async def add_user(self, name: str, access: Access, password: str) -> None:
        async with self._threads:
            hashed = await asyncio.to_thread(self._hasher.hash, password)
        await self._bucket.put(f"{USER}.{name}", encode(ApiUser(name, access, hashed)))
        self.users[name] = ApiUser(name, access, hashed)

    async def add_token(self, name: str, access: Access) -> str:
        """The token: it is never to be seen again."""
        token = f"{name}.{secrets.token_urlsafe(32)}"
        made = ApiToken(name, access, _digest(token.encode()))
        await self._bucket.put(f"{TOKEN}.{name}", encode(made))
        self.tokens[name] = made
        return token

    def locks_out(self, name: str) -> bool:
        """Whether without this one there would be accounts, but none that may write."""
        known: list[ApiUser | ApiToken] = [*self.users.values(), *self.tokens.values()]
        left = [one for one in known if one.name != name]
        return bool(left) and not self._admin and all(one.access == "read-only" for one in left)

    async def remove(self, name: str) -> bool:
        """Whether there was such a user or token."""
        if name not in self.users and name not in self.tokens:
            return False
        for kind in (USER, TOKEN):
            await self._bucket.delete(f"{kind}.{name}")
        self.users.pop(name, None)
        self.tokens.pop(name, None)
        self._right.pop(name, None)
        return True


def _verify(hasher: argon2.PasswordHasher, hashed: str, password: bytes) -> bool:
    try:
        return hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
