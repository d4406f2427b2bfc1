"""Sealed URLs in KV `secrets`: put in by whoever is given one, opened by whoever must use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kit.kv import Bucket
from kit.secrets import Sealer, Secret
from kit.urls import redact, scheme_of
from proto.urls import Purpose, SealedUrl, secret_of, secrets_of


class Vault:
    def __init__(self, bucket: Bucket, sealer: Sealer) -> None:
        self._bucket = bucket
        self._sealer = sealer

    @property
    def sealer(self) -> Sealer:
        """For what is sealed and kept elsewhere."""
        return self._sealer

    async def put(self, url: str, participant: str, purpose: Purpose) -> SealedUrl:
        """Seal `url` before anything about it reaches the bus; what is returned may be shown."""
        key = secret_of(participant, purpose)
        await self._bucket.put(key, self._sealer.seal(url).encode())
        return SealedUrl(key, redact(url), scheme_of(url), self._sealer.fingerprint(url))

    def mark(self, conference: str) -> str:
        """What metrics call a conference, whose key is made of its name."""
        return self._sealer.fingerprint(f"conference {conference}")

    def feed_token(self, conference: str) -> str:
        """Shows a mixer on another host that one may take the feeds of this conference."""
        return self._sealer.token(f"feeds of {conference}")

    def is_feed_token(self, token: str, conference: str) -> bool:
        return self._sealer.is_token(token, f"feeds of {conference}")

    def sign(self, purpose: str) -> str:
        """What only this installation can have made."""
        return self._sealer.token(purpose)

    def is_signed(self, signature: str, purpose: str) -> bool:
        return self._sealer.is_token(signature, purpose)

    async def keep(self, url: SealedUrl, sealed: str) -> None:
        """Put in what has been sealed already, and is not opened for it."""
        await self._bucket.put(url.secret, sealed.encode())

    async def sealed(self, url: SealedUrl) -> str | None:
        """The sealed text, to be handed on to a process that opens it; None if it is gone."""
        entry = await self._bucket.get(url.secret)
        return None if entry is None or entry.value is None else entry.value.decode()

    async def open(self, url: SealedUrl) -> Secret | None:
        sealed = await self.sealed(url)
        return None if sealed is None else self._sealer.open(sealed)

    async def discard(self, url: SealedUrl) -> None:
        """Delete this one URL."""
        await self._bucket.delete(url.secret)

    @asynccontextmanager
    async def provisional(self, *participants: str) -> AsyncIterator[None]:
        """If the body fails, whatever was put in for them is deleted again."""
        try:
            yield
        except BaseException:
            for participant in participants:
                await self.forget(participant)
            raise

    async def forget(self, participant: str) -> None:
        """Delete every URL of a participant who is gone."""
        for key in secrets_of(participant):
            await self._bucket.delete(key)


async def copied(
    bucket: Bucket, url: SealedUrl | None, participant: str, purpose: Purpose
) -> SealedUrl | None:
    """The same URL for another participant, who may outlast the first; not opened for it."""
    entry = None if url is None else await bucket.get(url.secret)
    if url is None or entry is None or entry.value is None:
        return None
    key = secret_of(participant, purpose)
    await bucket.put(key, entry.value)
    return SealedUrl(key, url.redacted, url.scheme, url.fingerprint)
