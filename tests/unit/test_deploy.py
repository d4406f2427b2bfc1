"""What the images are made from."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICES = [p.parent.name for p in sorted((ROOT / "services").glob("*/__main__.py"))]


def packages(*extras: str) -> dict[str, str]:
    """By name: what is pinned for these extras."""
    command = [sys.executable, "deploy/docker/lock.py", *extras]
    cut = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    blocks = re.split(r"^(?=[a-z])", cut, flags=re.MULTILINE)[1:]
    return {block.partition("==")[0]: block for block in blocks}


def test_an_image_gets_what_its_extra_needs_and_no_more() -> None:
    routing, mixer = packages("routing"), packages("mixer", "otlp")

    assert {"google-re2", "msgspec", "nats-py", "cffi", "opentelemetry-api"} <= routing.keys()
    assert not {"av", "litestar", "pytest", "ruff", "requests"} & routing.keys()
    assert {"av", "numpy", "pillow", "requests", "urllib3"} <= mixer.keys()
    assert "google-re2" not in mixer


def test_everything_is_what_all_extras_need_together_and_nothing_to_develop_with() -> None:
    everything = packages("all")

    assert packages("gateway").keys() | packages("mixer").keys() <= everything.keys()
    assert not {"pytest", "ruff", "mypy", "hypothesis"} & everything.keys()


def test_every_package_is_pinned_with_hashes_as_in_the_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    for name, block in packages("all").items():
        assert "--hash=sha256:" in block, name
        assert block.strip() in lock, name


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_an_image_and_is_in_the_stack(service: str) -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    target = service.replace("_", "-")

    assert f"FROM runtime AS {target}\n" in dockerfile
    assert f'CMD ["python", "-m", "services.{service}"]' in dockerfile
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    assert f"/{target}:${{ROSTRUM_VERSION:-dev}}" in compose
    assert re.search(rf"ROSTRUM_NATS_USER: {service}\b", compose)


def test_no_container_of_the_stack_can_take_the_whole_machine() -> None:
    stack = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    limits = {
        name: one.get("deploy", {}).get("resources", {}).get("limits", {}).keys()
        for name, one in stack.items()
    }

    assert {name: words for name, words in limits.items() if words != {"cpus", "memory"}} == {}


def test_every_setting_of_the_stack_is_in_the_example_of_its_settings() -> None:
    files = [ROOT / "deploy" / name for name in ("compose.yaml", "compose.docker.yaml")]
    asked = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", "".join(f.read_text() for f in files)))
    example = (ROOT / "deploy" / ".env.example").read_text()
    shown = dict(re.findall(r"^#([A-Z_]+)=(\S*)", example, re.MULTILINE))

    assert shown.keys() == asked.keys()
    only_examples = {name for name in asked if "_KEEP_" in name}
    only_examples |= {"OTEL_EXPORTER_OTLP_ENDPOINT", "TURN_URLS"}
    assert {name: asked[name] for name in shown if shown[name] != asked[name]}.keys() <= (
        only_examples
    )


def test_what_an_image_is_built_of_is_told_to_the_doctor() -> None:
    stack = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    built = {name: one["build"]["args"].keys() for name, one in stack.items() if "build" in one}

    assert "ENV ROSTRUM_BUILD=${REVISION}" in dockerfile
    assert len(built) > 7
    for given in built.values():
        assert {"VERSION", "REVISION"} <= given
        assert all(re.search(rf"^ARG {name}\b", dockerfile, re.MULTILINE) for name in given)


def test_the_stacks_prometheus_asks_whatever_has_figures() -> None:
    stack = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    watched = [
        {name, *one["networks"]["bus"]["aliases"]} if isinstance(one["networks"], dict) else {name}
        for name, one in stack.items()
        if "ROSTRUM_HEALTH_PORT" in one.get("environment", {}) and name != "provision"
    ]
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text())
    [asked] = config["scrape_configs"][0]["dns_sd_configs"]

    assert [len(names & set(asked["names"])) for names in watched] == [1] * len(watched)
    assert len(asked["names"]) == len(watched) - 1, "egress on a GPU is found as egress"


def test_the_collector_uses_what_it_sets_up_and_sends_to_who_is_there() -> None:
    stack = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    config = yaml.safe_load((ROOT / "deploy" / "otel" / "collector.yaml").read_text())
    pipelines = config["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines for name in pipeline.get(kind, [])}
        assert used == config[kind].keys()
    sources = ROOT / "deploy" / "grafana" / "provisioning" / "datasources" / "rostrum.yaml"
    asked = [urlsplit(one["url"]) for one in yaml.safe_load(sources.read_text())["datasources"]]
    told = urlsplit(f"//{config['exporters']['otlp/jaeger']['endpoint']}")

    assert {(one.hostname, one.port) for one in (told, *asked)} == {
        ("jaeger", 4317),
        ("jaeger", 16686),
        ("prometheus", 9090),
    }
    networks = [set(stack[name]["networks"]) for name in ("otel-collector", "jaeger", "grafana")]
    assert "bus" in set.intersection(*networks, set(stack["prometheus"]["networks"]))
    for kind in ("otel-collector", "prometheus", "grafana"):
        for volume in stack[kind]["volumes"]:
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (ROOT / "deploy" / source).exists(), source


def test_the_classic_builder_can_build_it() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()

    assert "--mount" not in dockerfile
    assert "<<" not in dockerfile


def test_every_image_that_is_fetched_has_a_version() -> None:
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    fetched = re.findall(r"image: \$\{[A-Z]+_IMAGE:-(\S+)\}", compose)

    assert len(fetched) == 6
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in fetched)
