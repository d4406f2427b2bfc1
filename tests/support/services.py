"""Services as processes, as in production."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kit.secrets import new_key

ROOMY = {"ROSTRUM_EGRESS_CORES": "64", "ROSTRUM_MIXER_CORES": "64"}
"""Whether there is room must not depend on what else a machine that runs tests is doing."""


def environment(nats_url: str, run_dir: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "ROSTRUM_NATS_URL": nats_url,
        "ROSTRUM_DRAIN_SECONDS": "0",
        "ROSTRUM_RUN_DIR": str(run_dir),
        "ROSTRUM_SECRET_KEY": new_key(),
        **ROOMY,
        **more,
    }


@asynccontextmanager
async def running(module: str, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a service; fail the test if it does not stop cleanly, unless the test killed it."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, env=env)
    try:
        yield process
        if process.returncode is None:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0, module
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
