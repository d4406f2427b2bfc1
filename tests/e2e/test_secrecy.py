"""Everything that is secret is used once, and looked for wherever it might be seen.

The stack itself is judged when it ends, as every stack of these tests is (`tests.support.lookout`):
here it is given all kinds of secrets, and everything is asked of it that can be asked.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from cli.ingest import Ingest
from tests.support import cli
from tests.support.canary import PASSWORD, Needle, canary
from tests.support.challenge import USER
from tests.support.clips import clip
from tests.support.faulty_rtmp import faulty_server
from tests.support.system import ADMIN, OURS, System, system, until

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

TOKEN = canary("token")
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}@"
USERS = "/api/rostrum/v1/users/"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system(tmp_path_factory.mktemp("data"), token=TOKEN, max_pixels_per_second="sd") as one:
        yield one


def test_who_may_use_the_api_is_known_by_hashes_alone(stack: System) -> None:
    person = {"name": "ann", "access": "read-write", "password": PASSWORD}
    stack.post(USERS, person, expect=201)
    made = stack.http.post(USERS, json={"name": "program", "access": "read-only"}).json()["token"]
    # It has been shown once, and never is again.
    stack.watch.needles.append(Needle("a token of the API", made))
    url = str(stack.http.base_url)
    tries: list[tuple[dict[str, str], int]] = [
        ({"ROSTRUM_ADMIN_TOKEN": TOKEN}, 0),
        ({"ROSTRUM_ADMIN_TOKEN": made}, 0),
        ({"ROSTRUM_API_USER": "ann", "ROSTRUM_API_PASSWORD": canary("wrong")}, 2),
    ]
    for shown, code in tries:
        done = cli.rostrum("--url", url, "users", env={**os.environ, **shown})
        assert done.returncode == code, done.stderr
    with httpx.Client(base_url=url, event_hooks=stack.http.event_hooks) as http:
        assert http.get(USERS, auth=("ann", PASSWORD)).status_code == 200
        assert http.get(USERS, auth=(canary("nobody"), canary("wrong"))).status_code == 401
        for word in (canary("wrong"), f"program.{canary('wrong')}"):
            given = {"Authorization": f"Bearer {word}"}
            assert http.get(USERS, headers=given).status_code == 401


async def test_addresses_of_every_kind_are_used_and_not_shown(
    stack: System, server: Ingest, clips: Path
) -> None:
    [room] = stack.http.get(f"{ADMIN}/configuration/v1/conference/").json()["objects"]
    automatic = {
        "conference": [room["resource_uri"]],
        "alias": server.url(canary("automatic")),
        "presentation_url": server.url(canary("automatic-slides")),
        "remote_display_name": "Automatic",
        "protocol": "rtmp",
        "streaming": True,
    }
    stack.post(f"{ADMIN}/configuration/v1/automatic_participant/", automatic, expect=201)
    people = [
        stack.join("Ann", clip(clips / "ann.mp4"), role="host"),
        stack.join(
            "Srt", f"srt://127.0.0.1:9?passphrase={canary('phrase')}&streamid={canary('s')}"
        ),
        stack.join(
            "Web",
            f"http://{LOGIN}127.0.0.1:9/{canary('path')}/a.m3u8?sig={canary('signature')}",
            presentation=f"rtsp://{LOGIN}127.0.0.1:9/{canary('slides')}",
        ),
    ]
    async with (
        faulty_server("ok") as plain,
        faulty_server("adobe") as guarded,
        faulty_server("auth-failed") as wrong,
        faulty_server("refuse-bad-name") as taken,
        faulty_server("refuse-denied") as denied,
        faulty_server("garbage") as nonsense,
    ):
        good = stack.dial(
            plain.url(f"live/{canary('main')}?token={canary('query')}"),
            presentation_url=server.url(canary("presentation")),
            backup_url=server.url(canary("backup")),
            backup_mode="hot",
        )
        signed_in = stack.dial(guarded.url(f"live/{canary('guarded')}", userinfo=LOGIN))
        waits = stack.dial(taken.url(f"live/{canary('taken')}"))
        for call in (good, signed_in):
            await asyncio.to_thread(stack.streams, call)
        for one in (wrong, denied, nonsense):
            call = stack.dial(one.url(f"live/{canary('refused')}?{canary('query')}", "rtmp", LOGIN))
            await asyncio.to_thread(until, lambda call=call: stack.participant(call) is None)
        in_use = "stream-key-in-use-or-invalid"
        await asyncio.to_thread(
            until, lambda: in_use in {e["code"] for e in stack.events("destination_changed.v1")}
        )
        await asyncio.to_thread(look_at_everything, stack)
        stack.kill("services.rtmp_egress.session")
        for call in (good, signed_in, waits):
            stack.hang_up(call)
        for who in people:
            stack.leave(who)
        await asyncio.to_thread(until, lambda: not stack.conference()["running"])
    look_at_everything(stack)


def look_at_everything(stack: System) -> None:
    """All that can be asked of the API; the hook of the client looks at the answers."""
    described = stack.http.get("/schema/openapi.json").json()["paths"]
    asked = [path for path, item in described.items() if "get" in item and "{" not in path]
    assert len(asked) > 15
    for path in [*asked, f"{OURS}/", f"{OURS}/participants/", f"{OURS}/log.jsonl", "/", "/metrics"]:
        stack.http.get(path)
    for family in ("status", "history"):
        for kind in ("conference", "participant"):
            listed = stack.http.get(f"{ADMIN}/{family}/v1/{kind}/").json()["objects"]
            for one in listed:
                stack.http.get(f"{ADMIN}/{family}/v1/{kind}/{one['id']}/")
    with stack.http.stream("GET", f"{OURS}/events") as news:
        for line in news.iter_lines():
            stack.watch.look("answer", "events", line)
            if line.startswith("event: layout"):
                break


def test_a_mistake_is_no_way_to_see_a_secret(stack: System) -> None:
    """What is refused is not repeated."""
    body: dict[str, Any] = {
        "conference_alias": "town-hall",
        "protocol": "rtmp",
        "routing": "manual",
        "streaming": True,
    }
    key = canary("mistake")
    for wrong in (
        {"destination": f"https://h/live/{key}"},
        {"destination": f"rtmp:/h/live/{key}"},
        {"destination": f"rtmp://{LOGIN}/live/{key}"},
        {"destination": [f"rtmp://h/live/{key}"]},
        {"destination": f"rtmp://h/live/{key}", "backup_url": f"ftp://{LOGIN}h/{key}"},
        {"destination": f"rtmp://h/live/{key}", key: key},
        {"destination": f"rtmp://h/live/{key}", "streaming": key},
    ):
        answer = stack.http.post(f"{ADMIN}/command/v1/participant/dial/", json={**body, **wrong})
        assert answer.status_code == 400, answer.text
    broken = f'{{"destination": "rtmp://h/live/{key}", '
    answer = stack.http.post(f"{ADMIN}/command/v1/participant/dial/", content=broken)
    assert answer.status_code == 400
