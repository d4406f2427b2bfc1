"""Looks at what runs, asks the core, and has the engine carry it out.

A new container is made like the *template*: the egress service's own container that compose
started, with its image, settings, secrets, networks and limits. That one is compose's and stays.
What is known is in Docker's labels, so a scheduler that is restarted knows it all again.
"""

from collections.abc import Callable, Collection
from typing import Any

import structlog

from proto.views import WorkerView
from services.scheduler.docker import core
from services.scheduler.docker.core import Container, Limits, Start, Stop, Worker
from services.scheduler.docker.engine import DockerError, Engine

log = structlog.get_logger()

STARTED_BY = "io.rostrum.started-by"
"""Label of what is ours; its value is the installation, so that two on one host stay apart."""

WORKER = "io.rostrum.worker"
TEMPLATE = "io.rostrum.template"
PROJECT = "com.docker.compose.project"

STOP_SECONDS = 15
"""That a worker has to end in; it is idle, so it needs one."""

NAMED = {"Aliases": ["egress"]}
"""Prometheus of the stack finds all egress under this name."""

NAMELESS = ("default", "bridge", "host", "none")
"""Networks in which containers have no names."""

COPIED = (
    *("Binds", "Mounts", "NetworkMode", "ReadonlyRootfs", "CapDrop", "CapAdd", "SecurityOpt"),
    *("Tmpfs", "Memory", "NanoCpus", "LogConfig", "Devices", "GroupAdd", "ExtraHosts"),
)
"""Of the template's host configuration. What restarts it is left out: that is our work."""


class Fleet:
    def __init__(
        self,
        engine: Engine,
        installation: str,
        limits: Limits,
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        """`clock` for durations; `wall` in seconds since the epoch, as Docker writes its times."""
        self._engine = engine
        self._installation = installation
        self._limits = limits
        self._clock = clock
        self._wall = wall
        self._new_id = new_id
        self._idle = core.Idle()
        self._complaint = ""

    async def look(self, workers: Collection[Worker], unassigned: int) -> None:
        """Once a second or so: start or stop what the core says."""
        now = self._clock()
        self._idle = core.observe(self._idle, workers, now)
        try:
            ours = await self._ours()
            for action in core.decide(self._limits, ours, workers, unassigned, self._idle, now):
                await self._carry_out(action)
        except DockerError as exc:
            if str(exc) != self._complaint:
                # Said once, tried every time.
                log.error("docker failed", error=str(exc))
            self._complaint = str(exc)
        else:
            self._complaint = ""

    async def _ours(self) -> list[Container]:
        filters = {"label": [f"{STARTED_BY}={self._installation}"]}
        found = await self._engine.get("/containers/json", all="true", filters=filters)
        return [
            Container(
                one["Id"],
                one["Labels"].get(WORKER, ""),
                self._wall() - one["Created"],
                running=one["State"] in {"running", "created"},
            )
            for one in found
        ]

    async def _carry_out(self, action: core.Action) -> None:
        match action:
            case Start():
                await self._start()
            case Stop(ident=ident, reason=reason):
                log.info("egress container goes", container=ident[:12], reason=reason)
                await self._stop(ident)

    async def _stop(self, ident: str) -> None:
        """One that was listed because it carries our label."""
        # Its SIGTERM is a drain: it takes nothing new from then on.
        await self._engine.post(f"/containers/{ident}/stop", t=str(STOP_SECONDS))
        await self._engine.delete(f"/containers/{ident}", v="true", force="true")

    async def _start(self) -> None:
        template = await self._template()
        worker = f"egress-{self._new_id()}"
        body = container_like(template, self._installation, worker, gpu=await self._has_gpu())
        made = await self._engine.post("/containers/create", body, name=f"rostrum-{worker}")
        ident = made["Id"]
        try:
            for network in template["NetworkSettings"]["Networks"]:
                if network != body["HostConfig"].get("NetworkMode"):
                    joins = {"Container": ident, "EndpointConfig": NAMED}
                    await self._engine.post(f"/networks/{network}/connect", joins)
            await self._engine.post(f"/containers/{ident}/start")
        except DockerError:
            await self._engine.delete(f"/containers/{ident}", v="true", force="true")
            raise
        log.info("egress container comes", container=ident[:12], worker=worker)

    async def _template(self) -> dict[str, Any]:
        labels = [f"{TEMPLATE}=egress", f"{PROJECT}={self._installation}"]
        found = await self._engine.get("/containers/json", all="true", filters={"label": labels})
        if not found:
            raise DockerError(0, f"no egress container of {self._installation} to take after")
        about: dict[str, Any] = await self._engine.get(f"/containers/{found[0]['Id']}/json")
        return about

    async def _has_gpu(self) -> bool:
        return "nvidia" in (await self._engine.get("/info")).get("Runtimes", {})


def container_like(
    template: dict[str, Any], installation: str, worker: str, *, gpu: bool
) -> dict[str, Any]:
    """What to create: as the template is, but ours, and with a name that we know."""
    config, host = template["Config"], template["HostConfig"]
    environment = [one for one in config["Env"] or [] if not one.startswith("ROSTRUM_WORKER=")]
    made = {key: host[key] for key in COPIED if host.get(key) is not None}
    if gpu:
        capabilities = ["gpu", "video", "compute", "utility"]
        made["DeviceRequests"] = [{"Driver": "nvidia", "Count": -1, "Capabilities": [capabilities]}]
    network = made.get("NetworkMode", "default")
    found = {} if network in NAMELESS else {network: NAMED}
    return {
        "Image": config["Image"],
        "Cmd": config["Cmd"],
        "Entrypoint": config["Entrypoint"],
        "User": config["User"],
        "Env": [*environment, f"ROSTRUM_WORKER={worker}"],
        "Labels": {STARTED_BY: installation, WORKER: worker, **_for_compose(installation)},
        "HostConfig": made,
        "NetworkingConfig": {"EndpointsConfig": found},
    }


def _for_compose(installation: str) -> dict[str, str]:
    """`compose up` leaves alone what is of no service that it knows; see `--remove-orphans`."""
    prefix = "com.docker.compose"
    return {
        PROJECT: installation,
        f"{prefix}.service": "egress-on-demand",
        f"{prefix}.oneoff": "False",
        f"{prefix}.container-number": "1",
    }


async def project_of(engine: Engine, container: str) -> str:
    """The compose project that a container belongs to; our own has our host name for its id."""
    about = await engine.get(f"/containers/{container}/json")
    if project := about["Config"]["Labels"].get(PROJECT):
        return str(project)
    raise DockerError(0, "this container is not compose's: set ROSTRUM_INSTALLATION")


def workers_of(views: Collection[WorkerView]) -> list[Worker]:
    """Those of the roster that take new work."""
    return [Worker(v.worker, v.capacity, v.used) for v in views if not v.draining]
