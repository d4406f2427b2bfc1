"""Where feeds can be taken: a Unix socket that hears hellos and hands takers to writers."""

import selectors
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kit.link.wire import HELLO_LIMIT, REASON_LIMIT, Refusal, address, encode
from kit.link.writer import FeedWriter, Seat

HELLO_TIMEOUT = 5.0
"""Seconds that a connection may stay silent."""

PENDING_LIMIT = 64
"""Connections that have not said hello; more are closed at once."""

OpenFeed = Callable[[bytes], FeedWriter | Seat | str]
"""From a hello to what serves it, or to the reason why there is none."""


class FeedServer:
    """Listens at a path that only this user can reach; one thread."""

    def __init__(
        self,
        path: Path,
        open_feed: OpenFeed,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._open_feed = open_feed
        self._clock = clock
        self._waiting: dict[socket.socket, float] = {}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with address(path) as name:
                self._listener.bind(name)
            path.chmod(0o600)
            self._listener.listen(16)
        except OSError:
            self._listener.close()
            raise
        self._listener.setblocking(False)
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="feeds", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; feeds already taken go on."""
        self._stop.close()
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector, self._listener, self._stopped:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while True:
                ready = selector.select(HELLO_TIMEOUT if self._waiting else None)
                for key, _ in ready:
                    if key.fileobj is self._stopped:
                        for sock in self._waiting:
                            sock.close()
                        return
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif isinstance(key.fileobj, socket.socket):
                        selector.unregister(key.fileobj)
                        del self._waiting[key.fileobj]
                        self._answer(key.fileobj)
                self._expire(selector)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # it gave up, or we are out of descriptors; others may do better
        if len(self._waiting) >= PENDING_LIMIT:
            sock.close()
            return
        sock.setblocking(False)
        self._waiting[sock] = self._clock() + HELLO_TIMEOUT
        selector.register(sock, selectors.EVENT_READ)

    def _answer(self, sock: socket.socket) -> None:
        try:
            hello = sock.recv(HELLO_LIMIT + 1)
        except OSError:
            hello = b""
        if not hello:
            sock.close()
            return
        too_long = len(hello) > HELLO_LIMIT
        feed = f"hello of over {HELLO_LIMIT} bytes" if too_long else self._open_feed(hello)
        if not isinstance(feed, str):
            feed.add(sock)
            return
        with sock:
            try:
                sock.send(encode(Refusal(feed[:REASON_LIMIT])), socket.MSG_NOSIGNAL)
            except OSError:
                return  # it did not wait for the answer

    def _expire(self, selector: selectors.BaseSelector) -> None:
        now = self._clock()
        for sock in [sock for sock, until in self._waiting.items() if until <= now]:
            selector.unregister(sock)
            del self._waiting[sock]
            sock.close()
