"""A real nginx-rtmp on a free port, with what it recorded.

Fixtures: `rtmp_server`, and with rtmps by a private CA `rtmps_server` beside `certificates`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.ingest import Ingest, find_nginx, start_ingest
from tests.support.certs import Certificates, make_certificates


def nginx(directory: Path, certificates: Certificates | None = None) -> Ingest:
    """Start one; use it as a context manager, or `stop` it."""
    assert find_nginx() is not None, "install nginx and libnginx-mod-rtmp"
    return start_ingest(directory, tls=certificates.good if certificates is not None else None)


@pytest.fixture
def rtmp_server(tmp_path: Path) -> Iterator[Ingest]:
    with nginx(tmp_path / "nginx") as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def rtmps_server(tmp_path: Path, certificates: Certificates) -> Iterator[Ingest]:
    with nginx(tmp_path / "nginx", certificates) as server:
        yield server
