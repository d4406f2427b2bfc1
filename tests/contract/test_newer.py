"""A conference_state of before beside one of tomorrow: it decides about nothing it cannot read."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from nats.aio.client import Client

from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from kit.provision import provision
from proto import subjects
from proto.base import Accepted, encode
from proto.conference import Join, Leave
from services.conference_state import core
from services.conference_state.shell import NEWER, ConferenceState, Views

pytestmark = pytest.mark.nats

OF_TOMORROW = b'[{"type":"conference_dreamt.v1","at":"2027-01-01T00:00:00Z"}]'


async def test_what_was_written_by_a_newer_version_is_left_to_it(nc: Client) -> None:
    js = nc.jetstream()
    await provision(js)
    log = JetStreamLog(js, subjects.stream("conference"))
    views = await Bucket.ensure(js, subjects.CONFERENCES)
    secrets = await Bucket.ensure(js, subjects.SECRETS)

    def replica() -> ConferenceState:
        return ConferenceState(
            log,
            Views(views),
            secrets,
            lambda _: core.Vmr("Hall"),
            timedelta(hours=1),
            now=lambda: datetime.now(UTC),
        )

    subject = subjects.events("conference", "hall-1")
    one = replica()
    assert isinstance(await one.handle(Join("hall-1", "ann", "Ann", "i1")), Accepted)
    version = (await log.load(subject)).version

    await log.append(subject, OF_TOMORROW, expected=version)
    for old in (one, replica()):
        assert await old.handle(Leave("hall-1", "ann")) == NEWER
    assert len((await log.load(subject)).commits) == 2, "nothing was decided"

    entry = await views.get("hall-1")
    assert entry is not None
    odd = {**msgspec.json.decode(entry.value or b""), "quality": "of tomorrow"}
    await views.put("hall-1", encode(odd))
    assert await replica().handle(Leave("hall-1", "ann")) == NEWER
