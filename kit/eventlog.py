"""An append-only log per subject, with optimistic concurrency."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import Header, StorageType, StreamConfig

from kit import trace
from kit.follow import reading
from kit.streams import ensure_stream
from proto import subjects
from proto.subjects import Family

WRONG_LAST_SEQUENCE = {10071, 10164}
"""JetStream's two codes for a lost race; the second one comes from replicated streams."""

READ_AHEAD = 256
"""Messages per fetch when a history is read; a commit is a few hundred bytes."""


READ_TIMEOUT = 5.0
"""Seconds for one fetch of what is known to be there."""


class History(NamedTuple):
    commits: Sequence[bytes]
    version: int
    "Stream sequence of the last commit, 0 if there is none."


class Conflict(Exception):
    """Somebody else appended first."""

    def __init__(self, subject: str, expected: int) -> None:
        self.subject = subject
        self.expected = expected
        super().__init__(f"{subject} is no longer at version {expected}")


class EventLog(Protocol):
    async def load(self, subject: str, *, after: int = 0) -> History:
        """Commits on `subject` with a stream sequence above `after`, and the last one's."""
        ...

    async def append(self, subject: str, commit: bytes, *, expected: int | None) -> int:
        """Store `commit` and return the new version.

        `expected` is the version that `subject` must still be at, else Conflict is raised;
        None appends without a look (for reports that depend on nothing).
        """
        ...


class JetStreamLog:
    """`EventLog` on one JetStream stream."""

    def __init__(self, js: JetStreamContext, stream: str) -> None:
        self._js = js
        self._stream = stream

    @classmethod
    async def ensure(cls, js: JetStreamContext, stream: str, subjects: list[str]) -> Self:
        """Create the stream unless it is there already."""
        await ensure_stream(
            js,
            StreamConfig(
                name=stream,
                subjects=subjects,
                storage=StorageType.FILE,
                deny_delete=True,
                deny_purge=True,
            ),
        )
        return cls(js, stream)

    @classmethod
    async def ensure_all(cls, js: JetStreamContext) -> dict[Family, Self]:
        """The stream of every family: whoever comes first creates them."""
        return {
            family: await cls.ensure(js, subjects.stream(family), [subjects.events(family)])
            for family in subjects.FAMILIES
        }

    async def load(self, subject: str, *, after: int = 0) -> History:
        try:
            last = await self._js.get_last_msg(self._stream, subject)
        except nats.js.errors.NotFoundError:
            return History((), 0)
        assert last.seq is not None
        if last.seq <= after:
            return History((), last.seq)
        commits: list[bytes] = []
        version = after
        async with reading(self._js, self._stream, subject, after=after) as sub:
            [msg] = await sub.fetch(1, timeout=READ_TIMEOUT)
            while True:
                commits.append(msg.data)
                version = msg.metadata.sequence.stream
                if version >= last.seq:
                    break
                # One message is asked for at a time unless many are known to wait: a fetch of
                # many lingers until it has them all.
                [*ahead, msg] = await sub.fetch(
                    max(1, min(READ_AHEAD, msg.metadata.num_pending)), timeout=READ_TIMEOUT
                )
                commits.extend(m.data for m in ahead)
        return History(commits, version)

    async def append(
        self, subject: str, commit: bytes, *, expected: int | None, ident: str = ""
    ) -> int:
        """With `ident`, what was stored by that id within two minutes is not stored again: the
        answer is where it stands."""
        headers = trace.outgoing()
        if ident:
            headers[Header.MSG_ID] = ident
        if expected is not None:
            headers[Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(expected)
        try:
            ack = await self._js.publish(subject, commit, headers=headers)
        except nats.js.errors.APIError as exc:
            if exc.err_code in WRONG_LAST_SEQUENCE:
                assert expected is not None
                raise Conflict(subject, expected) from exc
            raise
        return ack.seq


class FakeLog:
    """`EventLog` in memory; passes the same contract tests."""

    def __init__(self) -> None:
        self._stored: list[tuple[str, bytes]] = []

    async def load(self, subject: str, *, after: int = 0) -> History:
        found = [(n, c) for n, (s, c) in enumerate(self._stored, 1) if s == subject]
        version = found[-1][0] if found else 0
        return History([c for n, c in found if n > after], version)

    async def append(self, subject: str, commit: bytes, *, expected: int | None) -> int:
        version = (await self.load(subject)).version
        if expected is not None and version != expected:
            raise Conflict(subject, expected)
        self._stored.append((subject, commit))
        return len(self._stored)
