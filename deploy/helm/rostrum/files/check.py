"""`helm test`: the gateway answers, and every location has a worker of each kind."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def ask(path: str) -> bytes:
    token = Path(os.environ["TOKEN_FILE"]).read_text().strip()
    request = urllib.request.Request(
        os.environ["GATEWAY"] + path, headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        body: bytes = answer.read()
        return body


def missing() -> list[str]:
    ask("/health/ready")
    workers = json.loads(ask("/api/rostrum/v1/workers"))["workers"]
    there = {(worker["location"], worker["kind"]) for worker in workers}
    return [
        f"no {kind} worker in location “{location}”"
        for location in json.loads(os.environ["LOCATIONS"])
        for kind in ("mixer", "egress")
        if (location, kind) not in there
    ]


def main() -> int:
    until = time.monotonic() + float(os.environ["PATIENCE"])
    while True:
        try:
            wrong = missing()
        except urllib.error.HTTPError as exc:
            wrong = [f"the gateway says {exc.code}"]
        except OSError as exc:
            wrong = [f"the gateway does not answer: {type(exc).__name__}"]
        if not wrong:
            sys.stdout.write("well\n")
            return 0
        if time.monotonic() > until:
            sys.stderr.write("\n".join(wrong) + "\n")
            return 1
        time.sleep(2)


if __name__ == "__main__":
    sys.exit(main())
