"""The chart as Helm renders it, and how to find one's way in it."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from kit.config import BaseConfig
from kit.secrets import Secret
from services.conference_state.config import Config as ConferenceState
from services.gateway.config import Config as Gateway
from services.mixer.config import Config as Mixer
from services.routing.config import Config as Routing
from services.rtmp_egress.config import Config as Egress
from services.scheduler.config import Config as Scheduler
from services.webhooks.config import Config as Webhooks
from tests.deploy.generate import CHART
from tests.deploy.tools import helm

ROOT = Path(__file__).parents[2]
SETS = sorted((CHART / "ci").glob("*.yaml"))
RELEASE = "rostrum"

CONFIGS: dict[str, type[BaseConfig]] = {
    "conference-state": ConferenceState,
    "routing": Routing,
    "scheduler": Scheduler,
    "mixer": Mixer,
    "rtmp-egress": Egress,
    "gateway": Gateway,
    "webhooks": Webhooks,
}
"""By the image that reads them."""

SEALERS = frozenset({"routing", "mixer", "rtmp-egress", "gateway", "webhooks"})
"""Those that open or seal secrets."""

Object = dict[str, Any]


class Pod(NamedTuple):
    """A pod template, or a pod."""

    owner: Object
    labels: dict[str, str]
    spec: Object

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    def is_ours(self) -> bool:
        """Neither nats-server's nor coturn's."""
        return self.component not in ("nats", "turn")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(helm()), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@cache
def rendered(values: Path | None = None, *settings: str) -> tuple[Object, ...]:
    more = [f"--set-json={setting}" for setting in settings]
    files = [f"--values={values}"] if values else []
    done = run("template", RELEASE, str(CHART), "--namespace=live", *files, *more)
    assert done.returncode == 0, done.stderr
    return tuple(one for one in yaml.safe_load_all(done.stdout) if one)


def refused(*settings: str) -> str:
    """What Helm says against these settings."""
    more = [f"--set-json={setting}" for setting in settings]
    done = run("template", RELEASE, str(CHART), *more)
    assert done.returncode != 0, f"{settings} were taken"
    return done.stderr


def of_kind(objects: tuple[Object, ...], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def pods(objects: tuple[Object, ...]) -> list[Pod]:
    found = []
    for one in objects:
        if one["kind"] == "Pod":
            found.append(Pod(one, one["metadata"]["labels"], one["spec"]))
        elif one["kind"] in ("Deployment", "StatefulSet", "Job"):
            template = one["spec"]["template"]
            found.append(Pod(one, template["metadata"]["labels"], template["spec"]))
    return found


def pools(values: Path) -> dict[str, Object]:
    """Every pool of a set of values, complete, by its component."""
    given = yaml.safe_load(values.read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    base = _merged(defaults["poolDefaults"], given.get("poolDefaults", {}))
    all_pools = given.get("pools", defaults["pools"])
    return {f"media-{pool['name']}": _merged(base, pool) for pool in all_pools}


def _merged(base: Object, more: Object) -> Object:
    both = {key: (base[key], value) for key, value in more.items() if key in base}
    inner = {
        key: _merged(old, new)
        for key, (old, new) in both.items()
        if isinstance(old, dict) and isinstance(new, dict)
    }
    return {**base, **more, **inner}


def image(container: Object) -> str:
    """The target of deploy/Dockerfile that a container runs."""
    return str(container["image"].rsplit("/", 1)[-1].split(":")[0])


def targets() -> set[str]:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    return set(re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE))


def env(container: Object) -> dict[str, str]:
    """Variables whose value is known when the chart is rendered."""
    return {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}


def settings(kind: type[BaseConfig]) -> set[str]:
    found = set()
    for field in msgspec.structs.fields(kind):
        name = f"ROSTRUM_{field.name.upper()}"
        found |= {name, f"{name}_FILE"} if field.type == Secret | None else {name}
    return found


def leaves(value: object, path: str = "") -> Iterator[str]:
    """Paths of a tree of mappings that a template can name; `a.b`."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else str(key))
    else:
        yield path


def text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
