"""An S3 server on this machine, in its own process: moto's."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import obstore
from obstore.store import S3Store

from tests.support.nats import free_port

BUCKET = "recordings"
KEYS = {"AWS_ACCESS_KEY_ID": "CANARY-ID", "AWS_SECRET_ACCESS_KEY": "CANARY-SECRET"}


class S3:
    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "MOTO_S3_CUSTOM_ENDPOINTS": self.endpoint},
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                self._make_bucket()
                return
            time.sleep(0.05)
        raise TimeoutError("the S3 server did not come up")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def get(self, key: str) -> bytes:
        return bytes(obstore.get(self._store(), key).bytes())

    def keys(self) -> list[str]:
        return sorted(one["path"] for page in obstore.list(self._store()) for one in page)

    def json(self, key: str) -> Any:
        return json.loads(self.get(key))

    def _store(self) -> S3Store:
        return S3Store(
            BUCKET,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
        )

    def _make_bucket(self) -> None:
        wanted = urllib.request.Request(f"{self.endpoint}/{BUCKET}", method="PUT")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(wanted):
            pass


@contextmanager
def s3_server() -> Iterator[S3]:
    server = S3()
    server.start()
    try:
        yield server
    finally:
        server.stop()
