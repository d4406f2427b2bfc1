"""What is assigned, as SCHEDULER has it: in memory, and written with an expected version."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from kit.eventlog import EventLog
from kit.follow import Follower
from proto.base import encode
from proto.scheduler import SchedulerEvent, decode_commit
from proto.subjects import events
from services.scheduler import core


class Page(NamedTuple):
    """One conference's assignments and the version they are at."""

    work: core.Work
    version: int


class Ledger:
    def __init__(self, log: EventLog) -> None:
        self._events = log
        self._pages: dict[str, Page] = {}

    async def follow(self, follower: Follower) -> None:
        """See what other replicas commit."""
        async for msg, commit in follower.commits(decode_commit):
            conference = msg.subject.rsplit(".", 1)[-1]
            page = self._pages.get(conference)
            sequence = msg.metadata.sequence.stream
            if page is not None and sequence > page.version:
                self._turn(conference, page, commit, sequence)

    async def read(self, conference: str) -> Page:
        if page := self._pages.get(conference):
            return page
        return await self.reread(conference)

    async def reread(self, conference: str) -> Page:
        """Straight from the log."""
        page = self._pages.get(conference, Page(core.Work(), 0))
        history = await self._events.load(events("scheduler", conference), after=page.version)
        commits = [event for commit in history.commits for event in decode_commit(commit)]
        return self._turn(conference, page, commits, history.version)

    def forget(self, conferences: Collection[str]) -> None:
        """Remember nothing but these; the log still has the rest."""
        self._pages = {key: page for key, page in self._pages.items() if key in conferences}

    async def write(self, conference: str, page: Page, commit: Sequence[SchedulerEvent]) -> Page:
        """Raises Conflict if somebody else wrote since `page` was read."""
        version = await self._events.append(
            events("scheduler", conference), encode(commit), expected=page.version
        )
        return self._turn(conference, page, commit, version)

    def _turn(
        self, conference: str, page: Page, commit: Sequence[SchedulerEvent], version: int
    ) -> Page:
        work = page.work
        for event in commit:
            work = core.evolve(work, event)
        page = Page(work, version)
        known = self._pages.get(conference)
        if known is None or known.version <= version:
            self._pages[conference] = page
        return page
