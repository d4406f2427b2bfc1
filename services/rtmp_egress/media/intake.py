"""Takes a feed, again and again; connects off the media thread, which waits for no mixer."""

import contextvars
import threading

import structlog

from kit.link import FeedGone, FeedReader, FeedRefused, Format

log = structlog.get_logger()

CONNECT_TIMEOUT = 5.0
"""Seconds; a mixer on this host that takes longer is stuck."""

RETRY_FIRST = 0.1
RETRY_LAST = 0.5
"""Seconds between tries, doubling: a restarted mixer is found soon, a missing one costs nothing."""


class Intake:
    """At most one reader at a time; a thread of its own connects it."""

    def __init__(self, hello: bytes, expected: Format) -> None:
        self._hello = hello
        self._expected = expected
        self._changed = threading.Condition()
        self._path = ""
        self._moved = 0
        "Counts `move_to`, so that a reader of the old place is not taken for one of the new."
        self._wanted = True
        self._ready: FeedReader | None = None
        self._closed = False
        run = contextvars.copy_context().run  # so that its log lines name the session, too
        threading.Thread(target=run, args=(self._connect,), name="intake", daemon=True).start()

    def move_to(self, path: str) -> None:
        """Where the feed is to be taken from now on; empty: nowhere."""
        with self._changed:
            if path == self._path:
                return
            self._path = path
            self._moved += 1
            self._wanted = True
            self._discard()
            self._changed.notify_all()

    @property
    def moved(self) -> int:
        """How often the feed has moved; a reader from before is to be closed."""
        return self._moved

    def take(self) -> FeedReader | None:
        """A freshly connected reader, if there is one. It is the caller's then."""
        if self._ready is None:
            return None
        with self._changed:
            reader, self._ready = self._ready, None
            return reader

    def lost(self) -> None:
        """The reader taken last is of no use any more: connect again."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def wait(self, timeout: float) -> None:
        """Until there is a reader to take, or `timeout` seconds have passed."""
        with self._changed:
            if self._ready is None and not self._closed:
                self._changed.wait(timeout)

    def wake(self) -> None:
        """End a `wait` early."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._discard()
            self._changed.notify_all()

    def _discard(self) -> None:
        if self._ready is not None:
            self._ready.close()
            self._ready = None

    def _connect(self) -> None:
        pause = RETRY_FIRST
        complaint = ""
        while True:
            with self._changed:
                while not self._closed and not (self._wanted and self._path):
                    self._changed.wait()
                    pause = RETRY_FIRST
                if self._closed:
                    return
                path, moved = self._path, self._moved
            reader, why = self._try(path)
            if reader is None and why != complaint:
                log.warning("feed not to be had", why=why)
            complaint = why
            with self._changed:
                if reader is None:
                    self._changed.wait(pause)
                    pause = min(2 * pause, RETRY_LAST)
                elif self._closed or moved != self._moved:
                    reader.close()
                else:
                    self._ready, self._wanted = reader, False
                    self._changed.notify_all()

    def _try(self, path: str) -> tuple[FeedReader | None, str]:
        try:
            reader = FeedReader.connect(path, self._hello, CONNECT_TIMEOUT)
        except FeedRefused as exc:
            return None, exc.reason
        except (FeedGone, OSError) as exc:
            return None, type(exc).__name__
        if reader.format != self._expected:
            reader.close()
            return None, "the feed is not of the format that was asked for"
        return reader, ""
