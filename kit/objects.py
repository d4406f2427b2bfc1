"""An object store that speaks S3: files in, ranges of bytes out.

Who may write there is in the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_SESSION_TOKEN`) or in a file as the AWS tools have it; never in a setting, a log or a message.
"""

import configparser
import os
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kit.config import BadConfig, BaseConfig

if TYPE_CHECKING:
    from obstore.store import S3Store

CHUNK = 8 << 20
"""Bytes of one part of an upload: 10,000 of them are 80 GB."""

AT_ONCE = 4
"""Parts under way at a time; each is in memory."""

TRIES = 5
"""Of one request, within a minute; whoever uploads tries again as a whole after that."""

NAMES = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
}


class StoreConfig(BaseConfig, frozen=True, kw_only=True):
    store_url: str = ""
    "`s3://BUCKET` or `s3://BUCKET/PREFIX`; empty: files stay where they are."
    store_endpoint: str = ""
    "Of a store that is not Amazon's, e.g. `https://minio.example.com`."
    store_region: str = "us-east-1"
    store_credentials_file: str = ""
    "As ~/.aws/credentials, section `default`; empty: the environment has them."


class StoreError(Exception):
    """The store did not do it; the text says what kind of failure, and holds nothing secret."""


class NotThere(StoreError):
    """There is no such object."""


class ObjectStore:
    def __init__(self, store: "S3Store", prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    @classmethod
    def of(cls, config: StoreConfig, env: Mapping[str, str] | None = None) -> Self | None:
        """The one that is configured, if any. Raises BadConfig."""
        if not config.store_url:
            return None
        scheme, _, rest = config.store_url.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise BadConfig("ROSTRUM_STORE_URL must look like s3://BUCKET/PREFIX")
        from obstore.store import S3Store  # 20 MB that only a store needs.

        options: dict[str, Any] = {
            "region": config.store_region,
            **_credentials(config, os.environ if env is None else env),
        }
        if config.store_endpoint:
            options["endpoint"] = config.store_endpoint
        store = S3Store(
            bucket,
            client_options={"allow_http": config.store_endpoint.startswith("http://")},
            retry_config={"max_retries": TRIES, "retry_timeout": timedelta(minutes=1)},
            **options,
        )
        return cls(store, prefix.strip("/"))

    async def put(self, key: str, file: Path) -> None:
        """Upload a file, a large one in parts. Raises StoreError; a missing file, OSError."""
        import obstore

        with _telling():
            await obstore.put_async(
                self._store, self._path(key), file, chunk_size=CHUNK, max_concurrency=AT_ONCE
            )

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes `start` to before `end`. Raises StoreError."""
        import obstore

        with _telling():
            found = await obstore.get_async(
                self._store, self._path(key), options={"range": (start, end)}
            )
            async for chunk in found.stream(min_chunk_size=1 << 18):
                yield bytes(chunk)

    async def delete(self, key: str) -> None:
        """Delete an object if it is there. Raises StoreError."""
        import obstore

        try:
            with _telling():
                await obstore.delete_async(self._store, self._path(key))
        except NotThere:
            pass

    def _path(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key


class _telling:
    """The library's exceptions quote URLs and answers: what is told of them is their kind."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, exc: BaseException | None, __: object) -> None:
        from obstore import exceptions

        match exc:
            case exceptions.NotFoundError() | FileNotFoundError():
                raise NotThere("there is no such object") from None
            case exceptions.PermissionDeniedError() | PermissionError():
                raise StoreError("the store does not permit it") from None
            case exceptions.UnauthenticatedError():
                raise StoreError("the store does not know these credentials") from None
            case exceptions.BaseError():
                raise StoreError(f"the store failed ({type(exc).__name__})") from None


def _credentials(config: StoreConfig, env: Mapping[str, str]) -> dict[str, str]:
    if not config.store_credentials_file:
        return {option: env[name] for name, option in NAMES.items() if env.get(name)}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(config.store_credentials_file).read_text())
        section = parser["default"]
        given = {name: section.get(name.lower()) for name in NAMES}
        return {option: text for name, option in NAMES.items() if (text := given[name])}
    except (OSError, KeyError, configparser.Error):
        raise BadConfig("ROSTRUM_STORE_CREDENTIALS_FILE cannot be read") from None
