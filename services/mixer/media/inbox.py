"""Where a source's reader and the mix meet: pictures that wait for their time, and the voice."""

import threading
from collections import deque

from services.mixer.media.picture import Picture
from services.mixer.media.voice import Voice

QUEUE_BYTES = 64 * 1024 * 1024
"""Decoded pictures that may wait; when a live source brings more, the oldest go."""

QUEUE_LEAST = 8
"""Pictures that may wait however large they are."""


class Inbox:
    """The reader puts, the mix takes; each side is one thread."""

    def __init__(self) -> None:
        self.voice = Voice()
        self.still = False
        "There is one picture and no other will come."
        self.seen_until = 0.0
        "When the last picture that was read has been shown, in seconds of the mix."
        self.until = 0.0
        "The same for all media."
        self._queue: deque[tuple[float, Picture]] = deque()
        self._current: Picture | None = None
        self._visible = False
        self._wake = threading.Event()
        self._closed = False

    def picture(self, at: float) -> Picture | None:
        """The newest picture due by `at`, in seconds of the mix."""
        queue = self._queue
        while queue and queue[0][0] <= at:
            self._current = queue.popleft()[1]
        return self._current

    def show(self, visible: bool) -> None:
        """Whether the pictures are wanted; the reader hears of it at once."""
        if visible != self._visible:
            self._visible = visible
            self._wake.set()

    def close(self) -> None:
        self._closed = True
        self.voice.close()
        self._wake.set()

    @property
    def visible(self) -> bool:
        return self._visible

    def is_closed(self) -> bool:
        return self._closed

    def put(self, due: float, picture: Picture, *, keep_all: bool) -> None:
        queue = self._queue
        queue.append((due, picture))
        size = picture.width * picture.height * 3 // 2
        if not keep_all and len(queue) > max(QUEUE_BYTES // size, QUEUE_LEAST):
            queue.popleft()

    def rest(self, seconds: float) -> None:
        """Wait so long, or until visibility changes or all is over."""
        if self._closed:
            return
        self._wake.wait(seconds)
        self._wake.clear()
