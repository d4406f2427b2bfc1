"""deploy/compose.yaml as a person runs it: built, up, streamed through, hurt, and gone."""

import asyncio
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from aioice import stun, turn

from kit.metrics import declared
from kit.ports import Ports
from kit.secrets import Secret
from services.gateway.core.ice import ice_servers
from tests.containers.engine import Engine, compose_command, engine
from tests.containers.images import MORE, TARGETS, build
from tests.support.clips import clip
from tests.support.nats import free_port
from tests.support.prometheus import Prometheus, filled, queries
from tests.support.relay import Talk
from tests.support.system import OURS, System, until
from tests.support.watch import Rgb, watch

ROOT = Path(__file__).parents[2]
RED = (200, 30, 30)
KEY = "stream-CANARY-KEY"

WATCHED = (*("conference-state", "routing", "scheduler", "mixer", "egress", "gateway", "webhooks"),)
"""Services that have figures."""

SCRAPES = "20s"
"""Four of deploy/prometheus/prometheus.yaml."""

NOT_SEEN = (
    *(declared.PARKED, declared.LOST_WORKERS, declared.DEGRADED, declared.TOOK_OVER),
    *(declared.REFUSED, declared.DEATHS),
)
"""What there is only after faults."""

PATIENCE = 60.0
"""Seconds for anything on a busy machine; nothing waits on."""


ENOUGH = 50_000
"""Bytes of a recording that can be opened; a still picture takes ten thousand a second."""


class Stack:
    def __init__(self, engine: Engine, directory: Path) -> None:
        self.engine = engine
        secrets, clips = directory / "secrets", directory / "clips"
        subprocess.run(["sh", "deploy/secrets.sh", str(secrets)], cwd=ROOT, check=True)
        clips.mkdir()
        clip(clips / "red.mp4", colour=RED, seconds=120, options={"movflags": "faststart"})
        self.port, self.rtmp_port, self.prometheus_port = free_port(), free_port(), free_port()
        self.turn_port = free_port()
        self.media = free_span(4)
        self.token = (secrets / "admin-token").read_text()
        self.turn_secret = (secrets / "turn-secret").read_text().strip()
        engine.env |= {
            "SECRETS_DIR": str(secrets),
            "CLIPS": str(clips),
            "HTTP_PORT": str(self.port),
            "RTMP_PORT": str(self.rtmp_port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            "WEBRTC_PORTS": str(self.media),
            "TURN_PORT": str(self.turn_port),
            "TURN_URLS": f"turn:127.0.0.1:{self.turn_port}?transport=udp",
            "DOCKER_SOCKET": str(engine.socket),
            "DOCKER_GID": str(engine.socket.stat().st_gid),
        }

    def compose(self, *arguments: str, on_demand: bool = False, **env: str) -> str:
        files = ["-f", "deploy/compose.yaml", "-f", "tests/containers/stack.yaml"]
        files += ["-f", "deploy/compose.docker.yaml"] if on_demand else []
        self.engine.env |= env
        return self.engine.run(*compose_command(), "-p", "rostrum", *files, *arguments, cwd=ROOT)

    def containers(self, service: str) -> list[str]:
        label = f"label=com.docker.compose.service={service}"
        return self.engine.docker("ps", "-q", "--filter", label).split()

    def addresses(self, service: str) -> tuple[str, str]:
        """Of its container in `media`, and of the machine there."""
        [ident] = self.containers(service)
        there = self.engine.inspect(ident)["NetworkSettings"]["Networks"]["rostrum_media"]
        return there["IPAddress"], there["Gateway"]

    def recordings(self) -> list[Path]:
        """Oldest first, as they lie on the ingest's volume."""
        volume = json.loads(self.engine.docker("volume", "inspect", "rostrum_ingest"))[0]
        directory = Path(volume["Mountpoint"]) / "recordings"
        return sorted(directory.glob("*.flv"), key=lambda file: file.stat().st_mtime)

    def carries(self, container: str) -> bool:
        """Whether a session's process runs in there."""
        top = self.engine.docker("top", container, "-eo", "pid,args")
        return "services.rtmp_egress.session" in top


def free_span(length: int) -> Ports:
    """UDP ports that the mixer's container may publish."""
    spans = (Ports(first, first + length - 1) for first in range(20000, 30000, length))
    return next(span for span in spans if span.free("127.0.0.1") == length)


def is_red(recording: Path) -> bool:
    """Whether the last picture that has been recorded is, on the whole."""
    time.sleep(1)  # decoding all of it again and again would cost more than it records
    if recording.stat().st_size < ENOUGH:
        return False
    with tempfile.NamedTemporaryFile(suffix=".flv") as kept:  # the end of what grows moves away
        kept.write(recording.read_bytes())
        kept.flush()
        return is_reddish(watch(kept.name).seen[-1])


def is_reddish(colour: Rgb) -> bool:
    red, green, blue = colour
    return red > green + 30 and red > blue + 30


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    directory = Path(tempfile.mkdtemp(prefix="rostrum-engine-"))
    try:
        with engine(directory) as one:
            build(one, directory)
            yield one
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def stack(docker: Engine) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory() as directory:
        one = Stack(docker, Path(directory))
        try:
            one.compose("up", "-d", "--no-build")
            yield one
        except BaseException:
            print(one.compose("ps", "-a"), one.compose("logs", "--no-color", "--tail", "20"))
            raise
        finally:
            one.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        for kind in ("container ls -aq", "volume ls -q", "network ls -q -f type=custom"):
            assert docker.docker(*kind.split()).split() == [], kind


@pytest.fixture(scope="module")
def system(stack: Stack) -> Iterator[System]:
    # The docker commands between two requests take longer than the gateway keeps a connection.
    headers = {"Authorization": f"Bearer {stack.token}", "Connection": "close"}
    url = f"http://127.0.0.1:{stack.port}"
    with httpx.Client(base_url=url, headers=headers, timeout=20) as http:
        one = System(http, Path(), 0)

        def ready() -> bool:
            with suppress(httpx.HTTPError):
                return http.get("/health/ready").status_code == 200
            return False

        until(ready, PATIENCE)
        until(lambda: len(http.get("/api/rostrum/v1/workers/").json()["workers"]) >= 2, PATIENCE)
        one.configure()
        one.join("Ann", "http://camera:8000/red.mp4")
        yield one


@pytest.fixture(scope="module")
def prometheus(stack: Stack) -> Iterator[Prometheus]:
    """That of the profile `observability`, as it is set up there."""
    stack.compose("up", "-d", "--no-build", "--no-deps", "prometheus")
    one = Prometheus(f"http://127.0.0.1:{stack.prometheus_port}")
    until(one.ready, PATIENCE)
    yield one
    one.close()


@pytest.fixture(scope="module")
def relay(stack: Stack) -> str:
    """The container of the profile `turn`."""
    stack.compose("up", "-d", "--no-build", "--no-deps", "turn")
    [ident] = stack.containers("turn")
    until(lambda: stack.engine.inspect(ident)["State"]["Health"]["Status"] == "healthy", PATIENCE)
    return ident


def scraped(prometheus: Prometheus) -> dict[str, int]:
    """How many containers of a service answer."""
    up = prometheus.series("sum by (service) (up)")
    return {one["metric"]["service"]: int(one["value"][1]) for one in up}


def rules(prometheus: Prometheus) -> list[dict[str, Any]]:
    return [rule for group in prometheus.get("/rules")["groups"] for rule in group["rules"]]


def unanswered(prometheus: Prometheus, shown: dict[str, str]) -> list[str]:
    """Queries of the dashboards that find nothing, though there is something to find."""
    absent = ['reason!=""', *(metric.sample for metric in NOT_SEEN)]
    return [
        where
        for where, expr in queries().items()
        if not any(name in expr for name in absent)
        and not prometheus.series(filled(expr, SCRAPES, **shown))
    ]


@pytest.mark.parametrize("target", TARGETS + MORE)
def test_an_image_is_nobodys_and_says_what_is_in_it(docker: Engine, target: str) -> None:
    image = docker.inspect(f"rostrum/{target}:dev")["Config"]

    assert image["User"] == "10001:10001"
    assert image["Entrypoint"] == ["tini", "--"]
    assert image["Healthcheck"]["Test"]
    labels = {name.rpartition(".")[2]: word for name, word in image["Labels"].items()}
    assert labels["title"] == f"rostrum-{target}"
    assert {"description", "vendor", "version", "revision", "licenses"} <= labels.keys()
    look = "for tool in gcc cc c++ make ld pip; do command -v $tool; done; true"
    run = ("run", "--rm", "--network", "none", "--read-only", f"rostrum/{target}:dev")
    assert docker.docker(*run, "sh", "-c", look) == ""
    bill = json.loads(docker.docker(*run, "cat", image["Labels"]["io.rostrum.sbom"]))
    made_of = {part["purl"].partition("@")[0] for part in bill["components"]}
    if target == "ingest":
        assert "pkg:deb/debian/libnginx-mod-rtmp" in made_of
        return
    assert {"pkg:pypi/msgspec", "pkg:pypi/rostrum", "pkg:deb/debian/python3"} <= made_of
    assert ("pkg:pypi/av" in made_of) == (target in {"mixer", "rtmp-egress", "standalone"})
    assert ("pkg:pypi/litestar" in made_of) == (target in {"gateway", "standalone"})
    assert "pkg:pypi/pytest" not in made_of


def test_all_of_rostrum_is_in_one_container_too(docker: Engine) -> None:
    token = ("--env", "ROSTRUM_ADMIN_TOKEN=of-a-test")
    limits = ("--network", "none", "--read-only", "--tmpfs", "/tmp")
    ident = docker.docker("run", "-d", "--rm", *limits, *token, "rostrum/standalone:dev").strip()
    try:
        until(lambda: docker.inspect(ident)["State"]["Health"]["Status"] == "healthy", PATIENCE)
    finally:
        docker.docker("stop", "--time", "15", ident)


def test_a_dial_through_the_gateway_is_recorded_by_the_ingest(stack: Stack, system: System) -> None:
    call = system.dial(f"rtmp://ingest:1935/live/{KEY}")
    system.streams(call)
    until(lambda: stack.recordings() and is_red(stack.recordings()[0]), PATIENCE)
    system.hang_up(call)


def test_what_is_recorded_can_be_had_from_the_gateway(stack: Stack, system: System) -> None:
    recording = str(system.post(f"{OURS}/recordings/", {"name": "kept"}, expect=201)["participant"])
    path = f"/api/rostrum/v1/recordings/{recording}/"
    system.streams(recording)
    until(lambda: system.http.get(path).json().get("started_at"), PATIENCE)
    time.sleep(3)
    system.hang_up(recording)
    until(lambda: system.http.get(path).json()["state"] == "complete", PATIENCE)
    [part] = until(lambda: system.http.get(path).json()["parts"], PATIENCE)
    with tempfile.NamedTemporaryFile(suffix=".mp4") as kept:
        kept.write(system.http.get(part["url"]).content)
        kept.flush()
        seen = watch(kept.name).seen

    assert len(seen) > 60
    assert is_reddish(seen[-1])
    system.http.delete(path).raise_for_status()
    until(lambda: system.http.get(path).status_code == 404, PATIENCE)


def gone(prometheus: Prometheus) -> list[Any]:
    return [
        one for one in rules(prometheus) if one["name"] == "RostrumServiceGone" and one["alerts"]
    ]


def test_the_stacks_own_prometheus_has_every_service_and_all_that_the_dashboards_ask_for(
    stack: Stack, system: System, prometheus: Prometheus
) -> None:
    call = system.dial(f"rtmp://ingest:1935/live/{KEY}-watched")
    system.streams(call)
    shown = {"conference": str(system.conference()["metrics_id"]), "destination": call}

    until(lambda: scraped(prometheus) == dict.fromkeys(WATCHED, 1), PATIENCE)
    until(lambda: {rule["health"] for rule in rules(prometheus)} == {"ok"}, PATIENCE)
    assert len(rules(prometheus)) > 20
    # Pending from before anything was scraped, until it is looked at again.
    until(lambda: not gone(prometheus), PATIENCE)
    until(lambda: not unanswered(prometheus, shown), PATIENCE)
    system.hang_up(call)


def test_when_the_egress_in_use_is_killed_another_publishes(stack: Stack, system: System) -> None:
    stack.compose("up", "-d", "--no-build", "--no-recreate", "--scale", "egress=2")
    workers = "/api/rostrum/v1/workers/"
    until(lambda: len(system.http.get(workers).json()["workers"]) == 3, PATIENCE)
    call = system.dial(f"rtmp://ingest:1935/live/{KEY}-2")
    system.streams(call)
    until(lambda: any(stack.carries(one) for one in stack.containers("egress")), PATIENCE)
    [used] = [one for one in stack.containers("egress") if stack.carries(one)]
    before = set(stack.recordings())

    killed = time.monotonic()
    stack.engine.docker("kill", used)
    until(lambda: any(r.stat().st_size for r in set(stack.recordings()) - before), PATIENCE)
    print(f"\npublishing again {time.monotonic() - killed:.1f} s after the kill")
    system.streams(call)
    system.hang_up(call)


def test_the_scheduler_starts_and_stops_containers_of_its_own(
    stack: Stack, system: System, prometheus: Prometheus
) -> None:
    stranger = stack.engine.docker("run", "-d", "rostrum/gateway:dev", "sleep", "600").strip()
    only_scheduler = ("up", "-d", "--no-build", "--no-deps", "scheduler")
    on_demand = "egress-on-demand"
    workers = "/api/rostrum/v1/workers/"
    fixed = 1 + len(stack.containers("egress"))
    until(lambda: len(system.http.get(workers).json()["workers"]) == fixed, PATIENCE)
    try:
        stack.compose(*only_scheduler, on_demand=True, DOCKER_SPARE="12", DOCKER_MOST="1")
        until(lambda: stack.containers(on_demand), PATIENCE)
        until(lambda: len(system.http.get(workers).json()["workers"]) == fixed + 1, PATIENCE)
        [started] = stack.containers(on_demand)
        until(lambda: scraped(prometheus)["egress"] == fixed, PATIENCE)

        stack.compose("restart", "scheduler", on_demand=True)
        [scheduler] = stack.containers("scheduler")
        healthy = "{{.State.Health.Status}}"
        until(lambda: stack.engine.docker("inspect", "-f", healthy, scheduler) == "healthy\n")
        assert stack.containers(on_demand) == [started]

        quick = {"DOCKER_SPARE": "2", "DOCKER_COOL_DOWN": "1"}
        stack.compose(*only_scheduler, on_demand=True, **quick)
        until(lambda: not stack.containers(on_demand), PATIENCE)
        assert stack.engine.inspect(stranger)["State"]["Running"]
        assert stack.containers("egress")
    finally:
        stack.engine.docker("rm", "--force", stranger)


async def relayed(stack: Stack, host: str, port: int) -> bytes | Exception:
    """What comes back through the stack's relay, by the credentials that browsers are given."""
    address = ("127.0.0.1", stack.turn_port)
    secret = Secret(stack.turn_secret)
    [server] = ice_servers([], [f"turn:{address[0]}"], secret, "p1", int(time.time()))
    transport, talk = await turn.create_turn_endpoint(
        Talk, address, server.username, server.credential
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                transport.sendto(b"picture", (host, port))
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        return await talk.heard.get()
    finally:
        transport.close()


def test_browsers_get_to_the_mixer_through_the_relay_and_to_nothing_else(
    stack: Stack, system: System, relay: str
) -> None:
    echo = (
        "import socket; s = socket.socket(type=socket.SOCK_DGRAM);"
        f"s.bind(('', {stack.media.first}));"
        "[s.sendto(*s.recvfrom(99)) for _ in range(9)]"
    )
    stack.engine.docker("exec", "-d", *stack.containers("mixer"), "python", "-c", echo)
    mixer, machine = stack.addresses("mixer")

    assert asyncio.run(relayed(stack, mixer, stack.media.first)) == b"picture"
    for elsewhere in (machine, "192.0.2.1"):
        refused = asyncio.run(relayed(stack, elsewhere, stack.media.first))
        assert isinstance(refused, stun.TransactionFailed)
        assert refused.response.attributes["ERROR-CODE"][0] == 403
    assert stack.turn_secret not in stack.engine.docker("logs", relay)


def test_no_service_is_refused_on_the_bus_and_no_key_is_logged(
    stack: Stack, system: System
) -> None:
    logs = stack.compose("logs", "--no-color")

    assert "conference-state" in logs
    assert "nats refused" not in logs
    assert "CANARY" not in logs
    assert stack.token not in logs


def test_a_service_has_no_more_than_it_needs(stack: Stack, system: System, relay: str) -> None:
    for service in ("gateway", "scheduler", "mixer", "routing", "conference-state", "turn"):
        [ident] = stack.containers(service)
        host = stack.engine.inspect(ident)["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"] > 0
        environment = stack.engine.inspect(ident)["Config"]["Env"]
        assert not [one for one in environment if re.search("PASSWORD=|TOKEN=|KEY=|SECRET=", one)]
