"""What a user gets wrong is said in a sentence that names the field, and leaves nothing behind."""

from pathlib import Path

import pytest

from tests.support import cli
from tests.support.canary import canary
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

KEY = canary("KEY")


def rostrum(stack: System, *words: str, stdin: str = "") -> tuple[int, str]:
    """The command line as a user has it; the exit code and all that it said."""
    done = cli.rostrum("--url", str(stack.http.base_url), *words, given=stdin)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "field"),
    [
        pytest.param(("dial", "nowhere", f"rtmp://h/live/{KEY}"), "conference", id="unknown"),
        pytest.param(("dial", "town-hall", f"https://h/live/{KEY}"), "destination", id="not-rtmp"),
        pytest.param(("dial", "town-hall", f"rtmp:///live/{KEY}"), "destination", id="no-host"),
        pytest.param(("dial", "town-hall", "rtmp://h/live"), "destination", id="no-key"),
        pytest.param(
            ("dial", "town-hall", f"rtmp://h/live/{KEY}" + "x" * 5000), "destination", id="5000"
        ),
        pytest.param(
            ("join", "nowhere", "--name", "Ann", "--media", "rtmp://h/a/b"), "conference", id="join"
        ),
        pytest.param(
            ("join", "town-hall", "--name", "Ann", "--media", "/no/such/file.mp4"),
            "media",
            id="no-file",
        ),
        pytest.param(
            ("join", "town-hall", "--name", "x" * 300, "--media", "rtmp://h/a/b"), "name", id="name"
        ),
    ],
)
def test_a_mistake_is_named(stack: System, words: tuple[str, ...], field: str) -> None:
    code, said = rostrum(stack, *words)

    assert code != 0
    assert field in said
    assert "Traceback" not in said
    assert KEY not in said
    assert len(said) < 1000


def test_a_file_that_is_not_media_is_refused(stack: System, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("These are the minutes of the last meeting. " * 100)

    code, said = rostrum(stack, "join", "town-hall", "--name", "Ann", "--media", str(text))

    assert code != 0
    assert "media" in said


def test_nothing_is_left_behind(stack: System) -> None:
    """After all of the above no conference runs, nothing was committed, no secret is kept."""
    conference = stack.conference()

    assert conference["running"] is False
    assert stack.log() == []
    store = (stack.data / "nats").rglob("*")
    assert not any(KEY.encode() in path.read_bytes() for path in store if path.is_file())


def test_a_key_can_be_given_where_no_other_user_sees_it(stack: System) -> None:
    """Arguments are visible to every user of a machine; standard input is not."""
    code, said = rostrum(stack, "dial", "town-hall", "-", stdin=f"https://h/live/{KEY}\n")

    assert (code != 0, "destination" in said) == (True, True)
