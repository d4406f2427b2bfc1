"""The Secret that the chart makes up, found again in the cluster at the next upgrade."""

import base64
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from tests.deploy.chart import RELEASE, Object, run
from tests.deploy.generate import CHART

SECRETS = {"name": "secrets", "singularName": "secret", "namespaced": True, "kind": "Secret"}

OWNED = {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": "live"}
"""What Helm adds to what it installs."""

KNOWN: dict[str, Object] = {
    "/version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [{**SECRETS, "verbs": ["get", "list"]}],
    },
}
"""What Helm asks of a cluster before it looks for an object."""


@contextmanager
def cluster(secret: Object | None) -> Iterator[str]:
    """An API server that has this Secret, or none, and nothing else."""
    place = f"/api/v1/namespaces/live/secrets/{RELEASE}"
    objects = KNOWN if secret is None else {**KNOWN, place: secret}
    missing = {"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = objects.get(self.path.partition("?")[0])
            body = json.dumps(found or missing).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def upgraded(secret: Object | None) -> Object:
    """The Secret as it would be after the next `helm upgrade`, of a chart of it alone."""
    with cluster(secret) as url, tempfile.TemporaryDirectory() as room:
        alone = Path(shutil.copytree(CHART, Path(room) / CHART.name))
        for template in (alone / "templates").rglob("*.*"):
            if template.name not in ("secret.yaml", "_helpers.tpl"):
                template.unlink()
        done = run(
            *("template", RELEASE, str(alone), "--namespace=live", "--dry-run=server"),
            *(f"--kube-apiserver={url}", "--disable-openapi-validation"),
        )
    assert done.returncode == 0, done.stderr
    made: Object = yaml.safe_load(done.stdout)
    made["metadata"]["annotations"] |= OWNED
    return made


def test_what_was_made_up_once_stays() -> None:
    first = upgraded(None)

    assert upgraded(first)["data"] == first["data"]
    assert first["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_a_user_that_a_new_version_brings_gets_a_password_and_the_others_keep_theirs() -> None:
    first = upgraded(None)
    data = {key: value for key, value in first["data"].items() if key != "nats-gateway"}

    second = upgraded({**first, "data": data})["data"]

    assert {key: second[key] for key in data if key != "nats-passwords.conf"} == {
        key: value for key, value in data.items() if key != "nats-passwords.conf"
    }
    password = base64.b64decode(second["nats-gateway"]).decode()
    conf = base64.b64decode(second["nats-passwords.conf"]).decode()
    assert f'gateway_password: "{password}"' in conf.splitlines()


def test_two_installations_have_nothing_in_common() -> None:
    first, second = upgraded(None)["data"], upgraded(None)["data"]

    assert not set(first.values()) & set(second.values())
