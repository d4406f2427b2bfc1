"""Mixed on one host, encoded on another: an outgoing location where no mixer is."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from cli.ingest import Ingest
from tests.support.canary import canary
from tests.support.certs import Certificates
from tests.support.clips import clip
from tests.support.nats import free_port
from tests.support.system import ADMIN, System, system, until
from tests.support.watch import has_tone, is_near, mean_colour, tones, watch
from tests.support.workers import another, carriers

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

RED = (200, 30, 30)
STEADY = 3.0
CONFERENCE = "services.mixer.conference"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, authority: Certificates) -> Iterator[System]:
    """Whose mixer lends its feeds."""
    lends = {"ROSTRUM_LINK_ADDRESS": "127.0.0.1", "ROSTRUM_LINK_PORT": str(free_port())}
    with system(tmp_path_factory.mktemp("data"), lends) as one:
        one.post(f"{ADMIN}/configuration/v1/system_location/", {"name": "edge"}, expect=201)
        yield one


def test_a_stream_leaves_where_no_mixer_is_and_goes_on_when_the_mixer_is_lost(
    stack: System, server: Ingest, clips: Path, tmp_path: Path
) -> None:
    path = clip(clips / "talker.mp4", colour=RED, seconds=2, size=(640, 360))
    stack.join("Red", path, role="host")
    far = {"ROSTRUM_HOST": "far", "ROSTRUM_LOCATION": "edge", "ROSTRUM_RUN_DIR": str(tmp_path)}
    with another(stack, "services.rtmp_egress", tmp_path / "worker.log", **far):
        stream = stack.dial(server.url(canary("FAR")), system_location="edge")
        stack.streams(stream)
        time.sleep(STEADY)
        for lost in (CONFERENCE, "services.mixer"):
            [before] = stack.processes(CONFERENCE)
            stack.kill(lost)
            until(lambda gone=before: stack.processes(CONFERENCE) not in ([], [gone]))  # type: ignore[misc]
            time.sleep(STEADY)
        workers = carriers(stack, stream)
        stack.hang_up(stream)
        until(lambda: stack.participant(stream) is None)
    [recording] = until(lambda: server.recorded(canary("FAR")))
    watched = watch(str(recording), look=lambda picture: mean_colour(picture, (0, 0, 1280, 720)))
    steps = {round((b - a) * 1000) for a, b in pairwise(watched.times)}

    assert len(workers) == 1, "nobody else took it"
    assert steps <= {33, 34}, "one stream without a gap"
    assert is_near(watched.seen[30], RED)
    assert is_near(watched.seen[-5], RED), "of the third mixer"
    assert has_tone(tones(watched.sound[-watched.rate :], watched.rate), 440.0)
