"""A real Prometheus that scrapes services; and what the dashboards' queries give on one.

`python -m tests.support.prometheus http://127.0.0.1:9090` prints how many series each has;
behind it may be a conference (`metrics_id`) and a destination (participant) for the others.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.nats import free_port

ROOT = Path(__file__).parents[2]
FILES = ROOT / "deploy" / "helm" / "rostrum" / "files"

START = 20.0
"""Seconds until it answers; one on an idle machine."""


class Prometheus:
    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/v1", timeout=10)

    def ready(self) -> bool:
        try:
            return self._http.get("/status/buildinfo").status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **parameters: str) -> Any:
        answer = self._http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def series(self, expr: str) -> list[dict[str, Any]]:
        """What a query gives now."""
        found: list[dict[str, Any]] = self.get("/query", query=expr)["result"]
        return found

    def number(self, expr: str) -> float:
        """The only value of a query; 0: there is none."""
        found = self.series(expr)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else 0.0


def queries() -> dict[str, str]:
    """Every query of the dashboards, by dashboard and panel."""
    found = {}
    for path in sorted((FILES / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                found[f"{path.stem}: {panel['title']} {target['refId']}"] = str(target["expr"])
    return found


def filled(expr: str, window: str, **variables: str) -> str:
    """A dashboard's query as Grafana would send it."""
    for name, value in {"__rate_interval": window, **variables}.items():
        expr = expr.replace(f"${name}", value)
    return expr


@contextmanager
def scraping(room: Path, ports: Sequence[int]) -> Iterator[Prometheus]:
    """One that asks those ports of this machine each second, and has our alerts."""
    binary = shutil.which("prometheus")
    assert binary is not None, "install prometheus"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(FILES / "alerts.yaml")],
        "scrape_configs": [
            {
                "job_name": "rostrum",
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
            }
        ],
    }
    file, port = room / "prometheus.yaml", free_port()
    file.write_text(yaml.safe_dump(config))
    arguments = [
        f"--config.file={file}",
        f"--storage.tsdb.path={room / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=error",
    ]
    with (room / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([binary, *arguments], stdout=log, stderr=log)
    one, end = Prometheus(f"http://127.0.0.1:{port}"), time.monotonic() + START
    try:
        while not one.ready():
            assert process.poll() is None, (room / "prometheus.log").read_text()
            assert time.monotonic() < end, "prometheus did not come up"
            time.sleep(0.05)
        yield one
    finally:
        one.close()
        process.terminate()
        process.wait(10)


def main(url: str, conference: str = "", destination: str = "") -> None:
    one = Prometheus(url)
    for where, expr in queries().items():
        sent = filled(expr, "1m", conference=conference, destination=destination)
        print(f"{len(one.series(sent)):4}  {where}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
