"""Egress containers on one Docker host: what is decided, and what is asked of the engine for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.scheduler.docker.core import (
    Action,
    Container,
    Idle,
    Limits,
    Start,
    Stop,
    Worker,
    decide,
    observe,
)
from services.scheduler.docker.engine import DockerError, Engine
from services.scheduler.docker.fleet import Fleet, container_like, project_of
from tests.support.fake_docker import FakeDocker, serving

LIMITS = Limits(most=3, spare=2, cool_down=100, start_patience=60)
OURS = {"io.rostrum.started-by": "stack"}


def busy(name: str, used: int, capacity: int = 4) -> Worker:
    return Worker(name, capacity, used)


def container(name: str, age: float = 500, *, running: bool = True) -> Container:
    return Container(f"id-{name}", name, age, running)


DECISIONS: dict[str, tuple[list[Container], list[Worker], int, dict[str, float], list[Action]]] = {
    "room enough": ([], [busy("fixed", 2)], 0, {}, []),
    "less room than should be spare": ([], [busy("fixed", 3)], 0, {}, [Start()]),
    "one that comes already is waited for": ([container("a", 5)], [busy("fixed", 4)], 0, {}, []),
    "sessions without a worker": ([], [], 3, {}, [Start()] * 3),
    "as many as are needed at once": ([], [busy("fixed", 4)], 5, {}, [Start()] * 2),
    "never more than the limit": (
        [container("a"), container("b")],
        [busy("a", 4), busy("b", 4)],
        40,
        {},
        [Start()],
    ),
    "at the limit": (
        [container("a"), container("b"), container("c")],
        [busy("a", 4), busy("b", 4), busy("c", 4)],
        40,
        {},
        [],
    ),
    "idle for long and not needed": (
        [container("a")],
        [busy("fixed", 0), busy("a", 0)],
        0,
        {"a": 800},
        [Stop("id-a", "idle")],
    ),
    "idle for a short while": (
        [container("a")],
        [busy("fixed", 0), busy("a", 0)],
        0,
        {"a": 950},
        [],
    ),
    "idle, but its room is spare": ([container("a")], [busy("a", 0)], 0, {"a": 0}, []),
    "the newest of several, one at a time": (
        [container("a", 900), container("b", 300)],
        [busy("fixed", 0), busy("a", 0), busy("b", 0)],
        0,
        {"a": 0, "b": 0},
        [Stop("id-b", "idle")],
    ),
    "not ours, however idle": ([], [busy("fixed", 0), busy("other", 0)], 0, {"other": 0}, []),
    "busy": ([container("a")], [busy("fixed", 0), busy("a", 1)], 0, {}, []),
    "it never became a worker": (
        [container("a", 61)],
        [busy("fixed", 0)],
        0,
        {},
        [Stop("id-a", "never became a worker")],
    ),
    "its process ended, and another is needed": (
        [container("a", running=False)],
        [busy("fixed", 4)],
        0,
        {},
        [Stop("id-a", "ended"), Start()],
    ),
}


@pytest.mark.parametrize(
    ("containers", "workers", "unassigned", "idle", "wanted"),
    DECISIONS.values(),
    ids=DECISIONS.keys(),
)
def test_how_many_there_should_be(
    containers: list[Container],
    workers: list[Worker],
    unassigned: int,
    idle: dict[str, float],
    wanted: list[Action],
) -> None:
    assert decide(LIMITS, containers, workers, unassigned, Idle(idle), 1000) == wanted


def test_idleness_counts_from_when_it_began_and_ends_with_work() -> None:
    idle = observe(Idle(), [busy("a", 0), busy("b", 1)], 10)
    idle = observe(idle, [busy("a", 0), busy("b", 0)], 20)
    assert idle.since == {"a": 10, "b": 20}
    assert observe(idle, [busy("a", 1), busy("b", 0)], 30).since == {"b": 20}


@pytest.fixture
def docker(tmp_path: Path) -> FakeDocker:
    one = FakeDocker()
    one.add(
        "template",
        {"io.rostrum.template": "egress", "com.docker.compose.project": "stack"},
        Image="rostrum/rtmp-egress:dev",
        Env=["ROSTRUM_HOST=compose", "ROSTRUM_WORKER=old"],
        Cmd=["python"],
        Entrypoint=["tini", "--"],
        User="10001:10001",
    )
    one.containers["template"]["HostConfig"] = {
        "Binds": ["stack_run:/run/rostrum:rw"],
        "NetworkMode": "stack_bus",
        "ReadonlyRootfs": True,
        "Memory": 1 << 30,
        "RestartPolicy": {"Name": "unless-stopped"},
        "PortBindings": {},
    }
    networks: dict[str, Any] = {"stack_bus": {}, "stack_media": {}}
    one.containers["template"]["NetworkSettings"] = {"Networks": networks}
    one.add("strangers", {"io.rostrum.started-by": "another stack"})
    one.add("database", {})
    return one


@pytest.fixture
def path(docker: FakeDocker, tmp_path: Path) -> Iterator[str]:
    with serving(docker, tmp_path / "docker.sock") as path:
        yield path


class Host:
    """A fleet on the fake engine, and the time there."""

    def __init__(self, docker: FakeDocker, path: str) -> None:
        self.docker = docker
        self._path = path
        self._made = 0
        self.fleet = self.scheduler()

    def scheduler(self) -> Fleet:
        """Another one, which knows nothing of the one before."""
        return Fleet(
            Engine(self._path),
            "stack",
            LIMITS,
            clock=lambda: self.docker.now,
            wall=lambda: self.docker.now,
            new_id=self._name,
        )

    def _name(self) -> str:
        self._made += 1
        return f"n{self._made}"


@pytest.fixture
def host(docker: FakeDocker, path: str) -> Host:
    return Host(docker, path)


async def test_a_container_comes_when_room_is_short_and_goes_when_it_is_idle(host: Host) -> None:
    await host.fleet.look([busy("fixed", 4)], 0)
    await host.fleet.look([busy("fixed", 4)], 0)
    made = host.docker.containers["rostrum-egress-n1"]
    assert made["State"]["Running"]
    assert "rostrum-egress-n2" not in host.docker.containers
    assert made["Config"]["Env"] == ["ROSTRUM_HOST=compose", "ROSTRUM_WORKER=egress-n1"]
    assert made["HostConfig"]["Binds"] == ["stack_run:/run/rostrum:rw"]
    assert "RestartPolicy" not in made["HostConfig"]
    named = {"Aliases": ["egress"]}
    assert made["NetworkSettings"]["Networks"] == {"stack_bus": named, "stack_media": named}

    await host.fleet.look([busy("fixed", 0), busy("egress-n1", 0)], 0)
    host.docker.now += 99
    await host.fleet.look([busy("fixed", 0), busy("egress-n1", 0)], 0)
    assert "rostrum-egress-n1" in host.docker.containers
    host.docker.now += 2
    await host.fleet.look([busy("fixed", 0), busy("egress-n1", 0)], 0)

    assert set(host.docker.containers) == {"template", "strangers", "database"}


async def test_a_scheduler_that_is_restarted_knows_what_it_started(host: Host) -> None:
    await host.fleet.look([busy("fixed", 4)], 0)
    again = host.scheduler()
    await again.look([busy("fixed", 4)], 0)
    assert len(host.docker.containers) == 4

    host.docker.now += 50
    await again.look([busy("fixed", 0), busy("egress-n1", 0)], 0)
    host.docker.now += 101
    await again.look([busy("fixed", 0), busy("egress-n1", 0)], 0)

    assert len(host.docker.containers) == 3


async def test_what_carries_another_label_or_none_is_never_touched(host: Host) -> None:
    for _ in range(4):
        host.docker.now += 200
        await host.fleet.look([busy("fixed", 4), busy("strangers", 0)], 9)
        await host.fleet.look([busy("fixed", 0), busy("strangers", 0)], 0)

    touched = {word for one in host.docker.changed() for word in one.split("/")}
    assert not touched & {"template", "strangers", "database"}
    assert {"template", "strangers", "database"} <= set(host.docker.containers)


async def test_a_container_that_cannot_be_started_leaves_nothing_behind(host: Host) -> None:
    host.docker.refuse_starts = True
    await host.fleet.look([busy("fixed", 4)], 0)

    assert set(host.docker.containers) == {"template", "strangers", "database"}


async def test_without_a_template_nothing_is_started(host: Host) -> None:
    del host.docker.containers["template"]
    await host.fleet.look([busy("fixed", 4)], 0)

    assert host.docker.changed() == []


async def test_an_engine_that_is_not_there_harms_nobody(tmp_path: Path) -> None:
    host = Host(FakeDocker(), str(tmp_path / "nowhere.sock"))
    await host.fleet.look([busy("fixed", 4)], 0)


async def test_a_gpu_is_asked_for_where_the_host_has_the_runtime(host: Host) -> None:
    host.docker.runtimes["nvidia"] = {}
    await host.fleet.look([busy("fixed", 4)], 0)

    [wish] = host.docker.containers["rostrum-egress-n1"]["HostConfig"]["DeviceRequests"]
    assert wish["Driver"] == "nvidia"
    assert "video" in wish["Capabilities"][0]


def test_elsewhere_none_is_asked_for(docker: FakeDocker) -> None:
    made = container_like(docker.containers["template"], "stack", "egress-a", gpu=False)

    assert "DeviceRequests" not in made["HostConfig"]


async def test_our_own_container_says_which_installation_we_are(
    docker: FakeDocker, path: str
) -> None:
    docker.add("me", {"com.docker.compose.project": "stack"})

    assert await project_of(Engine(path), "me") == "stack"
    with pytest.raises(DockerError, match="ROSTRUM_INSTALLATION"):
        await project_of(Engine(path), "database")
