"""Creates every stream and bucket that is not there yet, sets how long streams keep what they hold,
and ends: `python -m kit.provision`.

The services' own NATS users may not create any: see proto.access.
"""

import asyncio
import sys

import structlog
from nats.js import JetStreamContext

from kit import boot, bus, keeping, logs, parking
from kit.blobs import Blobs
from kit.config import BadConfig, from_env
from kit.eventlog import JetStreamLog
from kit.keeping import Keeping
from kit.kv import Bucket
from kit.notices import ensure_notices
from proto import subjects

log = structlog.get_logger()


async def provision(js: JetStreamContext) -> None:
    await JetStreamLog.ensure_all(js)
    await parking.ensure_parked(js)
    await ensure_notices(js)
    for bucket in subjects.BUCKETS:
        ttl = subjects.WORKERS_TTL if bucket == subjects.WORKERS else None
        await Bucket.ensure(js, bucket, ttl=ttl)
    await Blobs.ensure(js, subjects.THEMES)


async def at(config: Keeping) -> None:
    """The same at the server of `config`, as soon as it is there; and what it says is kept."""
    nc = await boot.connect("provision", config.nats_servers(), config.nats_credentials())
    try:
        js = nc.jetstream(timeout=boot.JETSTREAM_TIMEOUT)
        await bus.persist(lambda: provision(js))
        await bus.persist(lambda: keeping.apply(js, keeping.limits(config)))
    finally:
        await nc.close()


def main() -> None:
    try:
        config = from_env(Keeping).checked()
    except BadConfig as exc:
        sys.stderr.write(f"provision: {exc}\n")
        raise SystemExit(2) from None
    logs.configure("provision", config.log_level)
    asyncio.run(at(config))
    log.info("provisioned")


if __name__ == "__main__":
    main()
