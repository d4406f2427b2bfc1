"""What a process says of itself."""

from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from kit.presence import Speaker
from kit.secrets import Sealer, new_key
from proto.presence import Ping

NOW = datetime(2026, 11, 26, tzinfo=UTC)


async def test_it_says_which_key_and_version_it_has_and_where_there_is_room(tmp_path: Path) -> None:
    key = new_key()
    env = {"ROSTRUM_SECRET_KEY": key, "ROSTRUM_BUILD": "4a87127"}
    speaker = Speaker("rtmp-egress", "Oslo", env, lambda: NOW)
    speaker.directories |= {"recordings": str(tmp_path), "nowhere": str(tmp_path / "gone")}

    said = await speaker.answer(Ping())

    assert (said.service, said.location, said.at) == ("rtmp_egress", "Oslo", NOW)
    assert (said.version, said.build) == (metadata.version("rostrum"), "4a87127")
    assert said.key == Sealer.from_env(env).key_fingerprint
    assert key not in repr(said)
    assert [disk.what for disk in said.disks] == ["recordings"]


async def test_without_a_key_it_has_none(tmp_path: Path) -> None:
    for env in ({}, {"ROSTRUM_SECRET_KEY_FILE": str(tmp_path / "gone")}):
        assert (await Speaker("scheduler", "", env, lambda: NOW).answer(Ping())).key == ""
