"""Calls that may never return: a driver can hang as well as fail."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Stuck(Exception):
    """The call has not returned in time, and nobody waits for it any more."""


class Aside(Generic[T, R]):
    """One function, called in a thread of its own. Once a call is stuck, so is the thread: it is
    left to itself, and with it all that the function holds."""

    def __init__(self, function: Callable[[T], R], patience: float) -> None:
        """`patience` in seconds."""
        self._function = function
        self._patience = patience
        self._calls: SimpleQueue[tuple[T] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[R] | Exception] = SimpleQueue()
        # A daemon, since the process must be able to end.
        threading.Thread(target=self._serve, name="aside", daemon=True).start()

    def call(self, argument: T) -> R:
        """Raises Stuck, after which there are no more calls, or what the function raises."""
        self._calls.put((argument,))
        try:
            answer = self._answers.get(timeout=self._patience)
        except Empty:
            self.end()
            raise Stuck from None
        if isinstance(answer, Exception):
            raise answer
        return answer[0]

    def end(self) -> None:
        """No more calls."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                self._answers.put((self._function(*call),))
            except Exception as exc:
                self._answers.put(exc)
