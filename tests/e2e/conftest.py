"""One stack and one RTMP server for all end-to-end tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.ingest import Ingest
from tests.support.canary import WATCH
from tests.support.certs import Certificates, make_certificates
from tests.support.nginx import nginx
from tests.support.system import System, system


@pytest.fixture(scope="session", autouse=True)
def nothing_shows_a_secret() -> Iterator[None]:
    """What a stack said is judged when it ends; here is the rest: reports and command lines."""
    yield
    WATCH.check()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What was printed and logged by a test, and by our code in it; its own text may name keys."""
    for name, text in report.sections:
        WATCH.look("report", f"{report.nodeid}: {name}", text)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Certificates) -> Iterator[Ingest]:
    with nginx(tmp_path_factory.mktemp("nginx"), authority) as one:
        yield one


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, authority: Certificates) -> Iterator[System]:
    env = {"ROSTRUM_TLS_CA_FILE": str(authority.ca)}
    with system(tmp_path_factory.mktemp("data"), env) as one:
        yield one


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")
