"""What is over, on disk: an index of the event log in SQLite, which may be thrown away at any time.

It holds as much of the past as the log does, whatever the memory, and knows how far it has read, so
that a restart goes on from there. Every gateway has its own.
"""

import fcntl
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec
import structlog
from nats.js import JetStreamContext

from services.gateway.core import sql
from services.gateway.core.catalogue import HISTORY_FIELDS
from services.gateway.core.paging import Window
from services.gateway.core.past import Change, ConferenceHistory, ParticipantHistory, Past, Record
from services.gateway.core.requests import Errors

log = structlog.get_logger()

BATCH = 1000
"""Messages that are stored at once while many wait; a crash has as many read again."""

AT_ONCE = 10_000
"""Objects of the longest page: `limit=0` is as many. Each is a kilobyte."""

REPLICAS = 64
"""Gateways that may have their files in one directory."""

KINDS: dict[str, type[ConferenceHistory] | type[ParticipantHistory]] = {
    "conference": ConferenceHistory,
    "participant": ParticipantHistory,
}

LAYOUT = "1:" + ",".join(f"{kind}({','.join(f)})" for kind, f in HISTORY_FIELDS.items())
"""What the tables are like; another one makes the index anew."""


class Log(msgspec.Struct, frozen=True):
    """The stream that is read, as it is now."""

    identity: str
    "Another one for a stream that was made anew."
    first: int
    last: int


async def log_of(js: JetStreamContext, stream: str) -> Log:
    info: Any = await js.stream_info(stream)
    return Log(str(info.created), int(info.state.first_seq or 0), int(info.state.last_seq or 0))


class Archive:
    def __init__(self, directory: str, stream: Log) -> None:
        self._temporary = None if directory else Path(tempfile.mkdtemp(prefix="rostrum-history-"))
        self._lock, self._file = _place(self._temporary or Path(directory))
        self.directory = str(self._file.parent)
        self._pending = 0
        self.sequence = 0
        "Of the log: so far is everything stored here."
        try:
            self._open(stream)
        except (sqlite3.DatabaseError, Unlike) as exc:
            log.info("history is made anew", why=type(exc).__name__)
            self._discard()
            self._open(stream)

    def close(self) -> None:
        self._store.close()
        self._lock.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def past(self) -> Past:
        """What was going on at `sequence`."""
        rows = self._store.execute("SELECT kind, key, body FROM going_on").fetchall()
        running = {
            key: msgspec.json.decode(body, type=ConferenceHistory)
            for kind, key, body in rows
            if kind == "conference"
        }
        present = [
            (key, msgspec.json.decode(body, type=ParticipantHistory))
            for kind, key, body in rows
            if kind == "participant"
        ]
        return Past(running, present)

    def keep(self, changes: Iterable[Change], sequence: int) -> None:
        """Store what a message has changed; with `reached`, for good."""
        for change in changes:
            self._begin()
            record = change.record
            kind = "conference" if isinstance(record, ConferenceHistory) else "participant"
            body = msgspec.json.encode(record)
            if record.end_time is None:
                row = (f"{kind}.{record.id}", kind, change.key, body)
                self._store.execute("INSERT OR REPLACE INTO going_on VALUES (?, ?, ?, ?)", row)
                continue
            self._store.execute("DELETE FROM going_on WHERE id = ?", (f"{kind}.{record.id}",))
            kept = [sequence, body, *_cells(record)]
            self._store.execute(
                f"INSERT OR REPLACE INTO {kind} VALUES (NULL, {sql.marks(kept)})", kept
            )

    def reached(self, sequence: int, *, pending: int) -> None:
        """Everything up to there is kept; `pending` more are there to be read."""
        self._begin()
        self._pending += 1
        self.sequence = sequence
        if pending == 0 or self._pending >= BATCH:
            self._store.execute("UPDATE reading SET sequence = ?", (sequence,))
            self._store.execute("COMMIT")
            self._pending = 0

    def forget(self, first: int) -> None:
        """Drop what ended before the first message that the log still holds."""
        alone = not self._store.in_transaction
        self._begin()
        self._forget(first)
        if alone:
            self._store.execute("COMMIT")

    def page(
        self, kind: str, asked: Sequence[tuple[str, str]], at: Window
    ) -> tuple[list[msgspec.Raw], int] | Errors:
        """The objects of one page, newest first unless asked otherwise, and how many there are."""
        plan = sql.plan(asked, HISTORY_FIELDS[kind])
        if isinstance(plan, dict):
            return plan
        with self._reading(plan) as store:
            # Where we filter by functions of our own, counting is as dear as finding.
            counted = "count(*) OVER ()" if plan.functions else "NULL"
            rows = store.execute(
                f"SELECT n, {counted} FROM {kind} {plan.where} "
                f"ORDER BY {plan.order} n DESC LIMIT ? OFFSET ?",
                (*plan.values, at.limit, at.offset),
            ).fetchall()
            total = rows[0][1] if rows else None
            if total is None:
                counting = f"SELECT count(*) FROM {kind} {plan.where}"
                total = store.execute(counting, plan.values).fetchone()[0]
            one = f"SELECT body FROM {kind} WHERE n = ?"
            bodies = [store.execute(one, (n,)).fetchone()[0] for n, _ in rows]
            return [self._shown(store, kind, body) for body in bodies], int(total)

    def one(self, kind: str, ident: str) -> msgspec.Raw | None:
        with self._reading() as store:
            found = store.execute(f'SELECT body FROM {kind} WHERE "id" = ?', (ident,)).fetchone()
            return self._shown(store, kind, found[0]) if found else None

    def _shown(self, store: sqlite3.Connection, kind: str, body: bytes) -> msgspec.Raw:
        """A conference's participants are looked up when they are wanted."""
        if kind == "participant":
            return msgspec.Raw(body)
        record = msgspec.json.decode(body, type=ConferenceHistory)
        there = store.execute(
            "SELECT resource_uri FROM participant WHERE conference = ? ORDER BY start_time, n",
            (record.resource_uri,),
        )
        filled = msgspec.structs.replace(record, participants=[uri for (uri,) in there])
        return msgspec.Raw(msgspec.json.encode(filled))

    def _begin(self) -> None:
        if not self._store.in_transaction:
            self._store.execute("BEGIN")

    def _open(self, stream: Log) -> None:
        self._store = sqlite3.connect(self._file, isolation_level=None)
        try:
            # Survives a crash of ours; of the machine, too, but for the last transactions, which
            # are read again.
            self._store.execute("PRAGMA journal_mode = WAL")
            self._store.execute("PRAGMA synchronous = NORMAL")
            self._make()
            known = self._store.execute("SELECT layout, stream, sequence FROM reading").fetchone()
            if known is None:
                new = (LAYOUT, stream.identity)
                self._store.execute("INSERT INTO reading VALUES (?, ?, 0)", new)
            elif known[:2] != (LAYOUT, stream.identity) or known[2] > stream.last:
                raise Unlike
            else:
                self.sequence = known[2]
                self._forget(stream.first)
        except BaseException:
            self._store.close()
            raise

    def _make(self) -> None:
        self._store.execute(
            "CREATE TABLE IF NOT EXISTS reading (layout TEXT, stream TEXT, sequence INTEGER)"
        )
        self._store.execute(
            "CREATE TABLE IF NOT EXISTS going_on "
            "(id TEXT PRIMARY KEY, kind TEXT, key TEXT, body BLOB)"
        )
        for kind, fields in HISTORY_FIELDS.items():
            self._store.execute(
                f"CREATE TABLE IF NOT EXISTS {kind} "
                f"(n INTEGER PRIMARY KEY, sequence INTEGER, body BLOB, {sql.columns(fields)})"
            )
            self._store.execute(f'CREATE UNIQUE INDEX IF NOT EXISTS {kind}_id ON {kind} ("id")')
        self._store.execute(
            "CREATE INDEX IF NOT EXISTS participant_of "
            'ON participant ("conference", "start_time", n)'
        )

    def _forget(self, first: int) -> None:
        """What the log no longer holds the end of."""
        for kind in KINDS:
            self._store.execute(f"DELETE FROM {kind} WHERE sequence < ?", (first,))

    def _discard(self) -> None:
        self.sequence = 0
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self._file}{suffix}").unlink()

    @contextmanager
    def _reading(self, plan: sql.Plan | None = None) -> Iterator[sqlite3.Connection]:
        """A connection of its own, so that readers in threads do not meet the writer."""
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as store:
            store.create_function("casefolded", 1, sql.casefolded, deterministic=True)
            for name, function in (plan.functions if plan else {}).items():
                store.create_function(name, 1, function, deterministic=True)
            store.execute("BEGIN")
            yield store


def _cells(record: Record) -> list[sql.Cell]:
    if isinstance(record, ParticipantHistory):
        return sql.cells(record, HISTORY_FIELDS["participant"])
    # Their names are looked up later, but whether there were any is known.
    there = [""] if record.participant_count else []
    filled = msgspec.structs.replace(record, participants=there)
    return sql.cells(filled, HISTORY_FIELDS["conference"])


class Unlike(Exception):
    """The index is of another log, or of another version of ours."""


def _place(directory: Path) -> tuple[IO[str], Path]:
    """A file in the directory that no other gateway has, and the lock that says so."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(REPLICAS):
        lock = (directory / f"history-{number}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        return lock, directory / f"history-{number}.sqlite"
    raise OSError(f"{REPLICAS} gateways have their history in {directory} already")
