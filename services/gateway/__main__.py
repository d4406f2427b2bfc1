"""Composition root: the only place that names concrete adapters."""

import asyncio
import sys
import time
import uuid
from datetime import UTC, datetime

from kit import boot
from kit.config import BadConfig, from_env
from kit.secrets import BadKey, Sealer
from services.gateway.app import assemble, listen, serve
from services.gateway.config import Config


async def main(config: Config, sealer: Sealer) -> None:
    sock = listen(config)
    try:
        async with boot.started("gateway", config) as app:
            app.relays.extend(config.turn())
            web, live = await assemble(
                app,
                config,
                sealer,
                lambda: str(uuid.uuid4()),
                time.monotonic,
                lambda: datetime.now(UTC),
            )
            await serve(web, live, sock, app.stopped)
    finally:
        sock.close()


def start() -> None:
    try:
        config = from_env(Config)
        if wrong := config.wrong():
            raise BadConfig(wrong)
        asyncio.run(main(config, Sealer.from_env()))
    except (BadConfig, BadKey) as exc:
        sys.stderr.write(f"gateway: {exc}\n")
        raise SystemExit(2) from None
    except OSError as exc:
        sys.stderr.write(f"gateway: cannot listen: {exc.strerror}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    start()
