"""A transfer survives whoever was carrying it out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from kit import consumer
from kit.boot import Jobs
from kit.eventlog import EventLog, History, JetStreamLog
from kit.kv import Bucket
from kit.secrets import Sealer
from kit.vault import Vault
from proto import subjects
from proto.base import Accepted
from proto.conference import Join, Leave, Transfer, decode_commit
from proto.views import ConferenceView
from services.conference_state.core import Vmr
from services.conference_state.shell import ConferenceState, Views

pytestmark = pytest.mark.nats

HALL, STUDIO = "hall-1", "studio-2"
MEDIA = "rtsp://camera.example.com/CANARY"


class Deadly:
    """A log whose writer dies at a certain commit: before it is stored, or after."""

    def __init__(self, log: EventLog, kind: str, *, stored: bool) -> None:
        self._log = log
        self._kind = kind
        self._stored = stored
        self.died = asyncio.Event()

    async def load(self, subject: str, *, after: int = 0) -> History:
        return await self._log.load(subject, after=after)

    async def append(self, subject: str, commit: bytes, *, expected: int | None) -> int:
        fatal = self._kind.encode() in commit
        version = 0
        if not fatal or self._stored:
            version = await self._log.append(subject, commit, expected=expected)
        if fatal:
            self.died.set()
            await asyncio.Event().wait()
        return version


class House:
    def __init__(self, nc: Client) -> None:
        self.js = nc.jetstream()
        self.vmrs: dict[str, Vmr] = {HALL: Vmr("Hall"), STUDIO: Vmr("Studio")}

    async def open(self) -> None:
        self.log: EventLog = (await JetStreamLog.ensure_all(self.js))["conference"]
        self.views = Views(await Bucket.ensure(self.js, subjects.CONFERENCES))
        self.secrets = await Bucket.ensure(self.js, subjects.SECRETS)
        self.vault = Vault(self.secrets, Sealer(b"k" * 32))

    @asynccontextmanager
    async def replica(self, log: EventLog | None = None) -> AsyncIterator[ConferenceState]:
        service = ConferenceState(
            log or self.log,
            self.views,
            self.secrets,
            self.vmrs.get,
            timedelta(hours=1),
            now=lambda: datetime.now(UTC),
        )
        async with Jobs(asyncio.Event()) as group:
            group.create_task(
                consumer.consume(
                    self.js,
                    "conference",
                    durable="conference-state-views",
                    decode=decode_commit,
                    handle=service.project,
                )
            )
            yield service
            await group.stop()

    async def ann(self, service: ConferenceState) -> None:
        media = await self.vault.put(MEDIA, "ann", "media")
        reply = await service.handle(Join(HALL, "ann", "Ann", "i1", "chair", media))
        assert isinstance(reply, Accepted)

    async def settled(self) -> tuple[ConferenceView, ConferenceView]:
        """Both conferences, as soon as nobody is on the way from one to the other."""
        async with asyncio.timeout(20):
            while True:
                hall, studio = [await self.views.read(key) for key in (HALL, STUDIO)]
                ann = hall.find("ann")
                decided = ann is None or (ann.transfer is not None and not ann.transfer.pending())
                if decided and await self.consumed():
                    return hall, studio
                await asyncio.sleep(0.05)

    async def consumed(self) -> bool:
        try:
            info = await self.js.consumer_info("CONFERENCE", "conference-state-views")
        except NotFoundError:
            return False
        return not info.num_pending and not info.num_ack_pending


MOVE = Transfer(HALL, "ann", STUDIO, "ann2", "i2")


@pytest.fixture
async def house(nc: Client) -> House:
    house = House(nc)
    await house.open()
    return house


def names(view: ConferenceView) -> list[str]:
    return [p.participant for p in view.participants]


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        pytest.param("transfer_requested", True, id="as-soon-as-it-was-asked-for"),
        pytest.param("participant_joined", False, id="before-they-are-let-in"),
        pytest.param("participant_joined", True, id="after-they-were-let-in"),
        pytest.param("participant_left", False, id="before-they-are-let-go"),
        pytest.param("participant_left", True, id="after-they-were-let-go"),
    ],
)
async def test_who_dies_on_the_way_is_taken_over_from(
    house: House, kind: str, stored: bool
) -> None:
    deadly = Deadly(house.log, kind, stored=stored)
    async with house.replica() as first:
        await house.ann(first)
    async with house.replica(deadly) as dying, asyncio.TaskGroup() as group:
        asking = group.create_task(dying.handle(MOVE))
        await asyncio.wait_for(deadly.died.wait(), 10)
        asking.cancel()
    async with house.replica():
        hall, studio = await house.settled()

    assert (names(hall), names(studio)) == ([], ["ann2"])
    assert list(await house.secrets.everything()) == ["ann2.media"]
    ann = studio.find("ann2")
    assert ann is not None
    assert ann.media is not None
    opened = await house.vault.open(ann.media)
    assert opened is not None
    assert opened.reveal() == MEDIA


async def test_two_replicas_move_somebody_once(house: House) -> None:
    async with house.replica() as one, house.replica() as other:
        await house.ann(one)
        replies = await asyncio.gather(*(r.handle(MOVE) for r in (one, other, one, other)))
        hall, studio = await house.settled()
        history = await house.log.load(subjects.events("conference", STUDIO))
    # One that asks when they are gone already is told so; whoever asked in time is told yes.
    assert any(isinstance(reply, Accepted) for reply in replies)
    assert (names(hall), names(studio)) == ([], ["ann2"])
    events = [e for commit in history.commits for e in decode_commit(commit)]
    assert [type(e).__name__ for e in events] == ["ConferenceStarted", "ParticipantJoined"]


async def test_who_is_not_let_in_stays_with_what_they_send(house: House) -> None:
    house.vmrs[STUDIO] = Vmr("Studio", participant_limit=0)
    async with house.replica() as service:
        await house.ann(service)
        await service.handle(MOVE)
        hall, studio = await house.settled()

    ann = hall.find("ann")
    assert ann is not None
    assert ann.transfer is not None
    assert (ann.transfer.code, ann.transfer.reason) == ("full", "all 0 places are taken")
    assert not studio.running
    assert list(await house.secrets.everything()) == ["ann.media"]


async def test_who_left_there_at_once_is_not_brought_back_by_a_second_telling(
    house: House,
) -> None:
    async with house.replica() as service:
        await house.ann(service)
        await service.handle(MOVE)
        await house.settled()
        await service.handle(Leave(STUDIO, "ann2"))
        await house.settled()
    await house.js.delete_consumer("CONFERENCE", "conference-state-views")
    async with house.replica():  # hears everything again, from the beginning
        hall, studio = await house.settled()

    assert (names(hall), names(studio)) == ([], [])
    assert list(await house.secrets.everything()) == []
