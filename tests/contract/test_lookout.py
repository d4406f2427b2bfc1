"""The watch over secrets reads what a real nats-server writes down of its traffic."""

from pathlib import Path

import nats
import pytest

from kit.kv import Bucket
from tests.support import lookout
from tests.support.canary import WATCH, Seen, Watch, canary
from tests.support.nats import NatsServer

pytestmark = pytest.mark.nats

KEY = canary("key")


async def test_a_secret_on_the_bus_is_seen_and_its_subject_told(tmp_path: Path) -> None:
    """In a message, a header, an answer, a bucket and a subject; what is not secret is not."""
    config = tmp_path / "nats.conf"
    config.write_text(f'authorization {{ user: tester, password: "{canary("pass")}" }}\n')
    lookout.write_down(tmp_path)
    server = NatsServer(tmp_path / "jetstream", config)
    server.start()
    try:
        nc = await nats.connect(server.url, user="tester", password=canary("pass"))
        bucket = await Bucket.ensure(nc.jetstream(), "secrets")
        await nc.publish("a.harmless", b"rtmp://h/live/***")
        await nc.publish("a.message", KEY.encode())
        await nc.publish("a.header", b"", headers={"Where": KEY})
        await nc.publish(f"a.{KEY}.subject", b"")
        await bucket.put("ann.destination", b'{"url": "%b"}' % KEY.encode())
        await nc.close()
    finally:
        server.kill()
    watch = Watch(*WATCH.needles)
    lookout.traffic(watch, tmp_path / lookout.TRACE)

    with pytest.raises(Seen) as told:
        watch.check()
    for place in ("a.message", "a.header", "$KV.secrets.ann.destination", "protocol"):
        assert f"bus {place}: " in str(told.value)
    assert "harmless" not in str(told.value)
    assert "pass" not in str(told.value).replace("password", "")
