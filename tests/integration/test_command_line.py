"""The command line against a whole stack: what it prints, and how it fails."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import nats
import pytest

from cli.log.read import read
from cli.place import stack
from cli.stack import running
from proto import subjects
from tests.support.themes import packed, square

pytestmark = pytest.mark.nats


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a stack without media runs: what is dialled there finds no worker."""
    directory = tmp_path_factory.mktemp("data")
    services = "conference_state,gateway,webhooks"
    with running(directory, "--port", "0", "--services", services):
        yield directory


def rostrum(
    data: Path, *words: str, given: str = "", **more: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={"ROSTRUM_DATA": str(data), "PATH": "/usr/bin:/bin", "COLUMNS": "200", **more},
    )


def test_the_doctor_says_which_services_of_the_stack_do_not_run(data: Path) -> None:
    said = rostrum(data, "doctor", "--cluster", "--json")
    found = {one["what"]: one for one in json.loads(said.stdout)["findings"]}

    assert said.returncode == 1
    assert found["gateway"]["fine"]
    assert found["conference-state"]["fine"]
    assert found["user mixer"]["fine"]
    assert not found["scheduler"]["fine"]
    assert not found["egress workers"]["fine"]


def test_a_conference_is_walked_through(data: Path) -> None:
    assert rostrum(data, "conferences", "add", "Town Hall", "--alias", "town-hall").stdout.strip()
    assert rostrum(data, "rules", "add", "Streaming").stdout.strip()
    assert "rtmps?://(.*)" in rostrum(data, "rules").stdout
    joined = rostrum(data, "join", "town-hall", "--media", "rtsp://u:SECRET@cam/1", "--name", "Ada")
    ada = joined.stdout.strip()
    assert joined.returncode == 0
    dialled = rostrum(data, "dial", "town-hall", "-", given="rtmps://u:SECRET@host/live/SECRET\n")
    assert dialled.returncode == 0
    shown = rostrum(data, "conferences").stdout
    for text in ("Town Hall", "running", "Ada", "rtsp://***@cam/***", "STREAM", ada[:8]):
        assert text in shown
    recording = rostrum(data, "record", "town-hall", "--name", "talk-{date}").stdout.strip()
    assert "record://talk-{date}" in rostrum(data, "conferences").stdout
    assert rostrum(data, "record", "town-hall").returncode == 1, "it is being recorded already"
    assert rostrum(data, "hangup", "town-hall", recording).returncode == 0
    assert "Nothing was recorded" in rostrum(data, "recordings").stdout
    assert rostrum(data, "recordings", "show", "talk").returncode == 1
    exported = rostrum(data, "events", "export", "town-hall").stdout
    assert len(read(exported.encode().splitlines(True)).logs[0].view.participants) == 2
    assert rostrum(data, "hangup", "town-hall", dialled.stdout.strip()).returncode == 0
    assert rostrum(data, "leave", "town-hall", "Ada").returncode == 0
    ended = rostrum(data, "conferences").stdout
    assert "not running" in ended
    assert "SECRET" not in shown + exported + ended
    assert rostrum(data, "conferences", "remove", "town-hall").returncode == 0
    assert rostrum(data, "rules", "remove", "streaming").returncode == 0
    assert "No conference is configured" in rostrum(data, "conferences").stdout


def test_an_event_sink_is_added_looked_at_and_removed(data: Path) -> None:
    url = "http://127.0.0.1:9/hook/SECRET"
    added = rostrum(data, "webhooks", "add", "Billing", "-", given=f"{url}\n")
    listed = rostrum(data, "webhooks").stdout
    tested = rostrum(data, "webhooks", "test", "billing")
    rotated = rostrum(data, "webhooks", "rotate", "billing")
    shown = rostrum(data, "webhooks", "show", "Billing").stdout
    again = rostrum(data, "webhooks", "redeliver", "Billing").stdout

    assert added.stdout.startswith("whsec_")
    assert rotated.stdout.startswith("whsec_")
    assert rotated.stdout != added.stdout
    assert "http://127.0.0.1:9/***" in listed
    assert (tested.returncode, tested.stderr.strip()) == (1, "rostrum: not taken: connect")
    assert "signs as well" in shown
    assert again.strip() == "0 delivered, 0 left, 0 no longer kept"
    assert rostrum(data, "webhooks", "rotate", "billing", "--finish").returncode == 0
    assert rostrum(data, "webhooks", "remove", "billing").returncode == 0
    assert "SECRET" not in listed + shown + tested.stderr


def test_a_rule_is_for_calls_out_of_conferences_or_for_calls_to_us(data: Path) -> None:
    for name, flag in (("Out", "--outgoing"), ("In", "--incoming")):
        assert rostrum(data, "rules", "add", name, flag).stdout.strip()
    shown = rostrum(data, "rules").stdout.splitlines()
    for name in ("Out", "In"):
        assert rostrum(data, "rules", "remove", name).returncode == 0

    [out] = [line for line in shown if " Out " in line]
    [into] = [line for line in shown if " In " in line]
    assert ("outgoing" in out, "incoming" in out) == (True, False)
    assert ("outgoing" in into, "incoming" in into) == (False, True)


def test_a_call_joins_a_conference_and_prints_what_leaving_wants(data: Path) -> None:
    rostrum(data, "conferences", "add", "Studio", "--alias", "studio")
    called = rostrum(data, "call", "studio", "--media", "rtsp://u:SECRET@cam/1", "--name", "Ada")
    conference, caller = called.stdout.split()
    assert "Ada" in rostrum(data, "conferences").stdout
    assert rostrum(data, "leave", conference, caller).returncode == 0
    assert rostrum(data, "conferences", "remove", "studio").returncode == 0


def test_a_theme_is_walked_through(data: Path, tmp_path: Path) -> None:
    icon = {"indicators": {"streaming": {"icon": "i.svg"}, "recording": {"icon": "none.svg"}}}
    package = tmp_path / "theme.zip"
    package.write_bytes(packed(icon, {"i.svg": square("red"), "read me.txt": b"Hello"}))
    assert rostrum(data, "themes", "add", "Acme", str(package), "--default").stdout.strip()
    assert "all by default" in rostrum(data, "themes").stdout
    rostrum(data, "conferences", "add", "Board", "--alias", "board")
    assert rostrum(data, "themes", "use", "acme", "board").returncode == 0
    shown = rostrum(data, "themes", "show", "acme").stdout
    for text in ("all by default, Board", "drawing: i.svg", "none.svg is not in", "read me.txt"):
        assert text in shown
    package.write_bytes(packed(icon, {"i.svg": b"<svg/>"}))
    refused = rostrum(data, "themes", "add", "Acme", str(package))
    assert (refused.returncode, "package: “i.svg” is not an SVG" in refused.stderr) == (1, True)
    assert "default theme" in rostrum(data, "themes", "remove", "Acme").stderr


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (("dial", "nope", "rtmp://host/live/SECRET"), "conference_alias: ", 1),
        (("dial", "nope", "-"), "conference_alias: ", 1),
        (("join", "nope", "--media", "rtsp://SECRET", "--name", "A"), "no such conference", 1),
        (("leave", "nope", "SECRET"), "no such conference", 1),
        (("rules", "add", "R", "--match", "("), "match_string: ", 1),
        (("rules", "remove", "R"), "name: no rule", 1),
        (("workers", "drain", "nobody"), "There is no worker nobody", 1),
        (("--url", "http://127.0.0.1:9", "conferences"), "nothing answers at", 2),
        (("events", "replay", "/nonexistent"), "file: ", 2),
    ],
)
def test_a_failure_is_one_sentence(
    data: Path, words: tuple[str, ...], says: str, code: int
) -> None:
    failed = rostrum(data, *words)
    assert failed.returncode == code
    assert failed.stdout == ""
    [sentence] = failed.stderr.splitlines()
    assert sentence.startswith("rostrum: ")
    assert says in sentence
    assert "SECRET" not in sentence


def test_a_damaged_export_is_refused_with_the_line(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps({"family": "conference"}) + "\n")
    failed = rostrum(data, "events", "replay", str(file))
    assert failed.returncode == 2
    assert "line 1" in failed.stderr


def test_users_and_tokens_come_and_go(data: Path) -> None:
    assert "no user yet" in rostrum(data, "users").stdout
    short = rostrum(data, "users", "add", "ada", given="short\n")
    assert (short.returncode, "password" in short.stderr) == (1, True)
    first = rostrum(data, "users", "add", "bob", "--read-only", given="battery staple\n")
    assert (first.returncode, "access" in first.stderr) == (1, True)
    assert rostrum(data, "users", "add", "ada", given="correct horse\n").stdout == "ada\n"
    ada = {"ROSTRUM_API_USER": "ada", "ROSTRUM_API_PASSWORD": "correct horse"}
    try:
        assert rostrum(data, "users").returncode == 2
        token = rostrum(data, "users", "add", "robot", "--token", "--read-only", **ada).stdout
        robot = {"ROSTRUM_ADMIN_TOKEN": token.strip()}
        listed = rostrum(data, "users", **robot).stdout
        assert all(word in listed for word in ("ada", "robot", "read-only", "read-write"))
        assert "horse" not in listed
        assert token.strip() not in listed
        refused = rostrum(data, "conferences", "add", "X", **robot)
        assert (refused.returncode, "look only" in refused.stderr) == (2, True)
        assert rostrum(data, "users", "remove", "ada", **ada).returncode == 1
        assert rostrum(data, "users", "remove", "nobody", **ada).returncode == 1
        assert rostrum(data, "users", "remove", "robot", **ada).returncode == 0
    finally:
        assert rostrum(data, "users", "remove", "ada", **ada).returncode == 0
    assert "no user yet" in rostrum(data, "users").stdout


def park(data: Path, *messages: tuple[bytes, str]) -> None:
    """As conference_state does it with what it could not handle."""
    known = stack(data)
    assert known is not None
    url = Path(known["nats_url_file"]).read_text().rpartition("@")[2]
    user = "conference_state"
    asyncio.run(_park(f"nats://{url}", user, (data / "passwords" / user).read_text(), messages))


async def _park(url: str, user: str, password: str, messages: Iterable[tuple[bytes, str]]) -> None:
    inbox = subjects.inbox(user).encode()
    nc = await nats.connect(url, user=user, password=password, inbox_prefix=inbox)
    for body, conference in messages:
        where = {"Parked-Subject": f"egress.events.{conference}", "Parked-Sequence": "1"}
        headers = {**where, "Parked-Reason": "ValueError"}
        await nc.jetstream().publish("parked.conference-state", body, headers=headers)
    await nc.close()


def test_what_was_parked_is_shown_returned_and_dropped(data: Path) -> None:
    poison = b'[{"type":"from_the_future.v9"}]'
    park(data, (b"[]", "c1"), (poison, "c1"), (poison, "c2"), (b"[]", "c2"))
    doctor = rostrum(data, "doctor", "--cluster").stdout
    listed = rostrum(data, "parked", "list").stdout
    shown = json.loads(rostrum(data, "parked", "show", "2", "--json").stdout)
    returned = rostrum(data, "parked", "return", "--conference", "c1", "--json")
    again = rostrum(data, "parked", "return", "1")
    asked = rostrum(data, "parked", "drop", "--service", "conference-state")
    left = json.loads(rostrum(data, "parked", "list", "--json").stdout)["parked"]
    dropped = rostrum(data, "parked", "drop", "--family", "egress", "--yes")

    assert "4 of conference-state" in doctor
    assert "rostrum parked list" in doctor
    for text in ("conference_state", "egress", "c2", "from_the_future.v9", "ValueError"):
        assert text in listed
    assert shown["body"] == json.loads(poison)
    assert [one["handled"] for one in json.loads(returned.stdout)["returned"]] == [True, False]
    assert returned.returncode == again.returncode == 1
    assert "There is no such resource" in again.stdout
    assert (asked.returncode, "Drop 3 of the parked" in asked.stderr) == (1, True)
    assert [one["id"] for one in left] == [2, 3, 4]
    assert dropped.stdout == "3 dropped\n"
    assert rostrum(data, "parked").stdout == "Nothing is parked.\n"
    assert rostrum(data, "parked", "drop", "--yes").returncode == 2, "it has to be said which"
