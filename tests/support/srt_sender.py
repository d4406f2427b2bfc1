"""A sender of SRT as an encoder is one: it waits to be called, or calls, and sends in real time."""

import ctypes
import socket
import threading
from pathlib import Path

from kit import libsrt
from kit.libsrt import SrtFailed, SrtSocket

PACKETS = 7 * 188
"""Bytes of a message: as many packets of a transport stream as fit."""

STEP = 0.02
"""Seconds between bursts."""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Sender:
    """Sends a file once to each that calls, one after the other; or to whom it calls."""

    def __init__(
        self, clip: Path, seconds: float, port: int, *, passphrase: str = "", calls: bool = False
    ) -> None:
        self._data, self._seconds, self._port = clip.read_bytes(), seconds, port
        self._passphrase = passphrase
        self._over = threading.Event()
        self._send_message = libsrt.load().srt_sendmsg
        self._send_message.argtypes = (ctypes.c_int, ctypes.c_char_p, *[ctypes.c_int] * 3)
        self._thread = threading.Thread(target=self._call if calls else self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _socket(self) -> SrtSocket:
        made = SrtSocket.create()
        if self._passphrase:
            made.set_text(libsrt.PASSPHRASE, self._passphrase)
        return made

    def _place(self) -> bytes:
        return libsrt.address_of(socket.AF_INET, ("127.0.0.1", self._port))

    def _serve(self) -> None:
        listener = self._socket()
        listener.listen(self._place())
        while not self._over.wait(STEP):
            if (caller := listener.accept()) is not None:
                self._send(caller)
        listener.close()

    def _call(self) -> None:
        while not self._over.is_set():
            sock = self._socket()
            sock.connect(self._place())
            while sock.state < libsrt.CONNECTED and not self._over.wait(STEP):
                pass
            self._send(sock)

    def _send(self, sock: SrtSocket) -> None:
        step = int(len(self._data) / self._seconds * STEP) // PACKETS * PACKETS + PACKETS
        pause = step / (len(self._data) / self._seconds)
        at = 0
        try:
            while at < len(self._data) and not self._over.wait(pause):
                for start in range(at, min(at + step, len(self._data)), PACKETS):
                    message = self._data[start : start + PACKETS]
                    if self._send_message(sock.handle, message, len(message), -1, 1) < 0:
                        return
                at += step
        except SrtFailed:
            pass
        finally:
            sock.close()
