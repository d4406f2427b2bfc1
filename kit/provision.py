"""Creates every stream and bucket that is not there yet, and ends: `python -m kit.provision`.

The services' own NATS users may not create any: see proto.access.
"""

import asyncio

import structlog
from nats.js import JetStreamContext

from kit import boot, bus, logs
from kit.blobs import Blobs
from kit.config import BaseConfig, from_env
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from kit.notices import ensure_notices
from proto import subjects

log = structlog.get_logger()


async def provision(js: JetStreamContext) -> None:
    await JetStreamLog.ensure_all(js)
    await bus.ensure_parked(js)
    await ensure_notices(js)
    for bucket in subjects.BUCKETS:
        ttl = subjects.WORKERS_TTL if bucket == subjects.WORKERS else None
        await Bucket.ensure(js, bucket, ttl=ttl)
    await Blobs.ensure(js, subjects.THEMES)


async def at(config: BaseConfig) -> None:
    """The same at the server of `config`, as soon as it is there."""
    nc = await boot.connect("provision", config.nats_servers(), config.nats_credentials())
    try:
        js = nc.jetstream(timeout=boot.JETSTREAM_TIMEOUT)
        await bus.persist(lambda: provision(js))
    finally:
        await nc.close()


def main() -> None:
    config = from_env(BaseConfig)
    logs.configure("provision", config.log_level)
    asyncio.run(at(config))
    log.info("provisioned")


if __name__ == "__main__":
    main()
