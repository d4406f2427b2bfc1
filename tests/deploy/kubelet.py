"""A little of what a node does with the chart: its pods as processes of this machine."""

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.deploy.chart import ROOT, Object, Pod, env, image, of_kind, pods
from tests.support.nats import NatsServer, free_port

POLL = 0.1


class Container(NamedTuple):
    process: asyncio.subprocess.Process
    ready: str
    "Where its readiness is asked for."
    metrics: str


class Node:
    """Volumes are directories, ports are free ones, and names of services are this machine."""

    def __init__(self, objects: tuple[Object, ...], room: Path) -> None:
        self._objects = objects
        self._room = room

    def nats(self) -> NatsServer:
        """The chart's own, with its users and passwords; where it listens and stores is ours."""
        (config,) = of_kind(self._objects, "ConfigMap")
        room = self._room / "nats"
        room.mkdir()
        text = config["data"]["nats.conf"]
        for theirs, ours in (
            ('listen: "0.0.0.0:4222"\n', ""),
            ("127.0.0.1:8222", f"127.0.0.1:{free_port()}"),
            ('jetstream { store_dir: "/data" }\n', ""),
        ):
            assert theirs in text
            text = text.replace(theirs, ours)
        (room / "nats.conf").write_text(text)
        (room / "passwords.conf").write_text(self.secret("nats-passwords.conf"))
        return NatsServer(room / "data", room / "nats.conf")

    def secret(self, key: str) -> str:
        (secret,) = of_kind(self._objects, "Secret")
        return base64.b64decode(secret["data"][key]).decode()

    def environment(self, pod: Pod, container: Object, **more: str) -> dict[str, str]:
        """What the container is told, with the directories that its volumes are here."""
        told = env(container)
        told |= dict.fromkeys(_names(container) - told.keys(), pod.component)
        volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
        places: dict[str, Path] = {}
        for mount in container["volumeMounts"]:
            place = places[mount["mountPath"]] = self._room / pod.component / mount["name"]
            place.mkdir(parents=True, exist_ok=True)
            for item in volumes[mount["name"]].get("secret", {}).get("items", []):
                (place / item["path"]).write_text(self.secret(item["key"]))
        here = {name: _placed(value, places) for name, value in told.items()}
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **here, **more}

    @asynccontextmanager
    async def running(self, nats_url: str) -> AsyncIterator[dict[str, Container]]:
        """Every container of every Deployment, stopped as Kubernetes would."""
        async with AsyncExitStack() as stack:
            there: dict[str, Container] = {}
            for pod in pods(tuple(of_kind(self._objects, "Deployment"))):
                for container in pod.containers:
                    http, health = free_port(), free_port()
                    more = {"ROSTRUM_NATS_URL": nats_url, "ROSTRUM_HEALTH_PORT": str(health)}
                    if "ROSTRUM_HTTP_PORT" in env(container):
                        more |= {"ROSTRUM_HTTP_PORT": str(http), "ROSTRUM_HTTP_HOST": "127.0.0.1"}
                    probe = container["readinessProbe"]["httpGet"]
                    asked = http if probe["port"] == "http" else health
                    module = f"services.{image(container).replace('-', '_')}"
                    process = await asyncio.create_subprocess_exec(
                        sys.executable, "-m", module, env=self.environment(pod, container, **more)
                    )
                    stack.push_async_callback(_end, process)
                    there[container["name"]] = Container(
                        process,
                        f"http://127.0.0.1:{asked}{probe['path']}",
                        f"http://127.0.0.1:{health}/metrics",
                    )
            yield there

    async def once(self, component: str, **more: str) -> int:
        """A pod that ends by itself: its return code."""
        (pod,) = (one for one in pods(self._objects) if one.component == component)
        (container,) = pod.containers
        arguments = [sys.executable if one == "python" else one for one in container["args"]]
        process = await asyncio.create_subprocess_exec(
            *arguments, env=self.environment(pod, container, **more)
        )
        return await process.wait()


def _placed(value: str, places: dict[str, Path]) -> str:
    for path, place in places.items():
        if value == path or value.startswith(f"{path}/"):
            return f"{place}{value.removeprefix(path)}"
    return value


def _names(container: Object) -> set[str]:
    return {one["name"] for one in container["env"]}


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


async def until_ready(container: Container) -> None:
    async with httpx.AsyncClient() as client:
        while True:
            assert container.process.returncode is None
            try:
                if (await client.get(container.ready)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(POLL)
