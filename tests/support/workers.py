"""Media workers beside those of a stack, and which there are."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.services import ROOMY
from tests.support.system import System, until


@contextmanager
def another(
    stack: System, module: str, log: Path, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A second worker of a kind, beside those of the stack; killed at the end if it is there."""
    before = names(stack)
    run = Path(json.loads((stack.data / "run" / "stack.json").read_text())["nats_url_file"])
    server = urlsplit(run.read_text())
    user = module.removeprefix("services.")
    env = {
        **os.environ,
        "ROSTRUM_NATS_URL": f"nats://{server.hostname}:{server.port}",
        "ROSTRUM_NATS_USER": user,
        "ROSTRUM_NATS_PASSWORD_FILE": str(stack.data / "passwords" / user),
        "ROSTRUM_SECRET_KEY_FILE": str(stack.data / "secret.key"),
        "ROSTRUM_RUN_DIR": str(stack.data / "run"),
        "ROSTRUM_RECORDINGS_DIR": str(stack.data / "recordings"),
        **ROOMY,
        **settings,
    }
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", module], env=env, stderr=output)
        try:
            # Of those that were there, one may be dead and not missed yet.
            own = until(lambda: names(stack) - before)
            yield process
        finally:
            process.kill()
            process.wait()
        # Who is missed after seconds only is waited for, and the stack's own may be starting.
        until(lambda: not own & names(stack) and kinds(stack) == {"egress", "mixer"})


def names(stack: System) -> set[str]:
    found = stack.http.get("/api/rostrum/v1/workers/").json()["workers"]
    return {one["worker"] for one in found}


def kinds(stack: System) -> set[str]:
    found = stack.http.get("/api/rostrum/v1/workers/").json()["workers"]
    return {one["kind"] for one in found if not one["draining"]}


def carriers(stack: System, stream: str) -> list[str]:
    """The workers that have had the stream, one after another."""
    told = [e for e in stack.events("destination_changed.v1") if e["participant"] == stream]
    return list(dict.fromkeys(e["worker"] for e in told if e["state"] == "publishing"))
