"""`rostrum` as a user has it; what it says is looked through for secrets."""

import subprocess
import sys

from tests.support.canary import WATCH


def rostrum(
    *words: str, given: str = "", env: dict[str, str] | None = None, patience: float = 60
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience,
        env=env,
    )
    WATCH.look("output", f"rostrum {words[0]}", done.stdout + done.stderr)
    return done
