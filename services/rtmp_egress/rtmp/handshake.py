"""The simple RTMP handshake, client side: two blocks of 1536 bytes each way, echoed."""

from services.rtmp_egress.rtmp.errors import Refusal

VERSION = 3
BLOCK = 1536
"""Bytes of C1, C2, S1 and S2."""

RANDOM = BLOCK - 8
"""Bytes of C1 after the time and the zeros, which ask for the simple handshake."""

TLS_ALERT = 0x15
"""First byte of what a TLS server says to somebody who does not speak TLS."""


class Handshake:
    """Told what the server sends, says what to send, until it is `done`."""

    def __init__(self, random: bytes) -> None:
        assert len(random) == RANDOM, "C1 has a size"
        self.done = False
        self.rest = b""
        "What came after the handshake; the first chunks, once it is `done`."
        self._hello: bytes | None = bytes([VERSION]) + bytes(8) + random
        self._buffer = bytearray()
        self._echoed = False

    def start(self) -> bytes:
        """C0 and C1."""
        hello, self._hello = self._hello, None
        assert hello is not None, "said once"
        return hello

    def receive(self, data: bytes) -> bytes | Refusal:
        """Take in `data`; returns what to send now, perhaps nothing."""
        self._buffer += data
        if self._buffer and self._buffer[0] != VERSION:
            return _not_rtmp(self._buffer[0])
        answer = b""
        if not self._echoed and len(self._buffer) >= 1 + BLOCK:
            # C2 right after S1: some servers hold S2 back until they have it.
            answer = bytes(self._buffer[1 : 1 + BLOCK])
            self._echoed = True
        if len(self._buffer) >= 1 + 2 * BLOCK:
            # Whether S2 echoes C1 is not checked: deployed servers differ, and nothing hangs on it.
            self.rest = bytes(self._buffer[1 + 2 * BLOCK :])
            self._buffer.clear()
            self.done = True
        return answer


def _not_rtmp(first: int) -> Refusal:
    hint = "it speaks TLS: rtmps:// instead?" if first == TLS_ALERT else "wrong port?"
    return Refusal("not-rtmp", f"the server is not an RTMP server ({hint})", "handshake")
