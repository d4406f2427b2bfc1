"""The watch over secrets sees one wherever it is planted, in any form, and shows it to nobody."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.e2e import conftest
from tests.support import lookout
from tests.support.canary import MARK, PASSWORD, WATCH, Seen, Watch, canary

KEY = canary("key")


@pytest.fixture
def watch() -> Watch:
    return Watch(*WATCH.needles)


@contextmanager
def seen(watch: Watch, place: str) -> Iterator[None]:
    """The body plants a secret there."""
    yield
    with pytest.raises(Seen, match=place) as told:
        watch.check()
    assert MARK not in str(told.value)
    watch.check()


FORMS = {
    "plain": KEY,
    "upper case": KEY.upper(),
    "in a URL": quote(f"rtmp://h/{PASSWORD}", safe=""),
    "every letter percent-encoded": "".join(f"%{ord(c):02X}" for c in KEY),
    "one letter percent-encoded": KEY.replace("n", "%6e"),
    "one letter escaped in JSON": KEY.replace("n", "\\u006e"),
    "one letter escaped in Python": KEY.replace("n", "\\x6e"),
    "JSON": json.dumps({"password": PASSWORD}),
    "hexadecimal": KEY.encode().hex(),
    **{f"base64, {n} before": base64.b64encode(b"x" * n + KEY.encode()).decode() for n in range(3)},
    "base64 with more behind": base64.urlsafe_b64encode(f"{{{PASSWORD}}} and more".encode()),
    "basic authentication": base64.b64encode(f"ann:{PASSWORD}".encode()).decode(),
    "UTF-16": KEY.encode("utf-16"),
    "not UTF-8 around it": b"\xff\x00" + KEY.encode() + b"\xfe",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_seen_in_any_form(watch: Watch, form: str | bytes) -> None:
    with seen(watch, "file a.log"):
        watch.look("file", "a.log", form)


def test_what_is_no_secret_is_not_seen(watch: Watch) -> None:
    watch.look("file", "a.log", f"{MARK[:-1]} %zz \\u00 rtmp://host/live/***")
    watch.check()


def test_nothing_of_a_secret_is_told_with_it(watch: Watch) -> None:
    watch.look("file", f"{KEY}.log", f"once {KEY}, twice {KEY}")
    with pytest.raises(Seen, match=r"key-\*\*\*.log: once key-\*\*\*, twice key-\*\*\*"):
        watch.check()


def test_it_is_seen_in_a_file_and_in_its_name(watch: Watch, tmp_path: Path) -> None:
    with seen(watch, "file logs/gateway.log"):
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "gateway.log").write_text(f"a line\nthe key is {KEY}\n")
        lookout.files(watch, tmp_path)
    with seen(watch, "name of a file"):
        (tmp_path / "logs" / "gateway.log").rename(tmp_path / f"{KEY}.flv")
        lookout.files(watch, tmp_path, (f"{KEY}.flv",))


PLANTED = {
    "arguments services.probe": (["-m", "services.probe", f"rtmp://h/live/{KEY}"], {}),
    "environment services.probe URL": (["-m", "services.probe"], {"URL": KEY}),
    "environment services.probe ROSTRUM_ADMIN_TOKEN": (
        ["-m", "services.probe"],
        {"ROSTRUM_ADMIN_TOKEN": KEY},
    ),
    "environment cli.main OTHER": (["-m", "cli.main", "dial", KEY], {"OTHER": KEY}),
}


@pytest.mark.parametrize(("place", "how"), PLANTED.items(), ids=PLANTED)
def test_it_is_seen_with_a_process(
    watch: Watch, place: str, how: tuple[list[str], dict[str, str]]
) -> None:
    arguments, environment = how
    with seen(watch, place), process(arguments, environment) as pid:
        assert pid in lookout.below(os.getpid())
        lookout.Processes(watch, os.getpid()).look()


def test_what_a_person_typed_and_an_operator_has_set_is_theirs(watch: Watch) -> None:
    for arguments, environment in (
        (["-m", "cli.main", "dial", KEY], {"ROSTRUM_API_PASSWORD": PASSWORD}),
        (["-m", "services.gateway"], {"ROSTRUM_ADMIN_TOKEN": KEY}),
        (["-m", "tests.support.faulty_rtmp"], {"ROSTRUM_TEST_MARK": MARK}),
    ):
        with process(arguments, environment):
            lookout.Processes(watch, os.getpid()).look()
    watch.check()


@contextmanager
def process(arguments: list[str], environment: dict[str, str]) -> Iterator[int]:
    """One that has these arguments, and does nothing."""
    code = "import sys; print(); sys.stdin.read()"
    running = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        assert running.stdout is not None
        running.stdout.readline()
        yield running.pid
    finally:
        running.communicate()


def test_it_is_seen_in_what_is_exported(watch: Watch) -> None:
    with seen(watch, "exported /v1/traces"), lookout.collector(watch) as url:
        httpx.post(f"{url}/v1/traces", content=b"\x0a\x10" + KEY.encode(), trust_env=False)


def test_it_is_seen_in_an_answer_and_its_headers(watch: Watch) -> None:
    def server(request: httpx.Request) -> httpx.Response:
        headers = {"Location": f"/{KEY}"} if request.url.path == "/moved" else {}
        return httpx.Response(200, headers=headers, text=KEY if not headers else "")

    hooks = {"response": [lookout.answers(watch)]}
    with httpx.Client(transport=httpx.MockTransport(server), event_hooks=hooks) as http:
        for path in ("/shown", "/moved"):
            with seen(watch, f"answer GET {path}"):
                http.get(f"http://server{path}")


def test_it_is_seen_in_what_a_test_prints(capsys: pytest.CaptureFixture[str]) -> None:
    report = pytest.TestReport(
        "test_x", ("", 0, ""), {}, "passed", None, "call", [("Captured stderr call", KEY)]
    )
    with seen(WATCH, "report test_x: Captured stderr call"):
        conftest.pytest_runtest_logreport(report)


def test_a_stack_that_nobody_looked_at_is_a_fault(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / lookout.TRACE).touch()
    with pytest.raises(AssertionError, match="nothing was seen of"), lookout.over(tmp_path, watch):
        pass
