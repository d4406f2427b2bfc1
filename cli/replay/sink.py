"""The server that destinations are replaced by: `services.rtmp_egress.sink` in a child process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from cli.replay.certificate import Certificate
from proto.media import Content

TIMEOUT = 10.0
"""Seconds for an order to be obeyed."""


class Sink:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def order(
        self, who: str, leg: Content, *, fault: str = "", drop: str = "", tls: bool = False
    ) -> str:
        """What is in the way from now on; returns the address."""
        order = {"destination": f"{who}.{leg}", "fault": fault, "drop": drop, "tls": tls}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn, asyncio.timeout(TIMEOUT):
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            await self._process.stdin.drain()
            answer = msgspec.json.decode(await self._process.stdout.readline())
        host, scheme = ("localhost", "rtmps") if tls else ("127.0.0.1", "rtmp")
        return f"{scheme}://{host}:{answer['port']}/live/replay"


@asynccontextmanager
async def sinking(certificate: Certificate, log: Path) -> AsyncIterator[Sink]:
    words = ("-m", "services.rtmp_egress.sink", str(certificate.file), str(certificate.key))
    with log.open("wb") as complaints:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=complaints,
        )
        try:
            yield Sink(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
