"""The images, built without a network: a base image from Debian's packages, wheels from pip.

Both come by the ways that apt and pip of this machine are set to; nothing of them is in an image.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.containers.engine import Engine

ROOT = Path(__file__).parents[2]
TARGETS = (
    *("conference-state", "routing", "scheduler", "mixer", "rtmp-egress", "gateway"),
    "webhooks",
)
MORE = ("ingest", "standalone")
BASE = "debian:bookworm-slim"
PACKAGES = (
    *("ca-certificates", "python3", "python3-venv", "tini", "libsrt1.5-gnutls"),
    *("fonts-dejavu-core", "libdrm2", "libva2", "libva-drm2"),
    *("nats-server", "wget", "nginx", "libnginx-mod-rtmp", "coturn"),
)
"""What deploy/Dockerfile names, and what stands in for the images of NATS and coturn."""

LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")


def base_image(engine: Engine, directory: Path) -> None:
    """Debian with everything in it, also under the names of the images of NATS and coturn."""
    tar = directory / "base.tar"
    options = [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    engine.run(
        *("mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *("--quiet", *options, "bookworm", str(tar)),
    )
    engine.docker("import", str(tar), BASE)
    tar.unlink()
    for variable in ("NATS_IMAGE", "COTURN_IMAGE"):
        engine.docker("tag", BASE, named(variable))


def prometheus_image(engine: Engine, directory: Path) -> None:
    """Debian's Prometheus under the name, the user and the way to start of its makers' image."""
    tar = directory / "prometheus.tar"
    engine.run(
        *("mmdebstrap", "--variant=extract", "--include=prometheus", "--quiet"),
        '--extract-hook=install -d -o 65534 -g 65534 "$1/prometheus"',
        *("bookworm", str(tar)),
    )
    change = ('ENTRYPOINT ["/usr/bin/prometheus"]', "USER 65534:65534")
    changes = [word for one in change for word in ("--change", one)]
    engine.docker("import", *changes, str(tar), named("PROMETHEUS_IMAGE"))
    tar.unlink()


def named(variable: str) -> str:
    """The image that compose takes unless it is told another."""
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    found = re.search(rf"\$\{{{variable}:-(\S+)\}}", compose)
    assert found is not None, variable
    return found[1]


def wheels(directory: Path) -> None:
    """All that any image needs, checked against the lock."""
    directory.mkdir(exist_ok=True)
    lock = directory / "all.lock"
    cut = [sys.executable, "deploy/docker/lock.py", "all"]
    lock.write_text(
        subprocess.run(cut, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    )
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--require-hashes", "-r", str(lock), "-d", str(directory)], check=True)
    lock.unlink()


def build(engine: Engine, directory: Path) -> None:
    """Every target of deploy/Dockerfile, from a copy of the tree that holds the wheels."""
    context = directory / "context"
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in tracked.splitlines():
        if name.partition("/")[0] not in {"tests", "bench", "docs"} and (ROOT / name).is_file():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            (context / name).write_bytes((ROOT / name).read_bytes())
    with ThreadPoolExecutor() as pool:
        for job in (
            pool.submit(base_image, engine, directory),
            pool.submit(prometheus_image, engine, directory),
            pool.submit(wheels, context / "deploy" / "wheels"),
        ):
            job.result()
    for target in (*TARGETS, *MORE):
        engine.docker(
            *("build", "--quiet", "--network", "none", "--target", target),
            *("--file", str(context / "deploy" / "Dockerfile")),
            *("--tag", f"rostrum/{target}:dev", str(context)),
        )
