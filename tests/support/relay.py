"""Somebody who talks through a TURN server."""

import asyncio


class Talk(asyncio.DatagramProtocol):
    """Keeps what comes, and what goes wrong."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        self.heard.put_nowait(exc)
