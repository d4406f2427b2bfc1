"""A replay is told from its recording by what people would have seen."""

from datetime import UTC, datetime

import msgspec
import pytest

from cli.compare import BadRecording, Recording, differences, layouts, read
from proto.base import encode
from proto.media import FeedSpec
from proto.mixer import LayoutChanged, Slot
from proto.views import ConferenceView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FEED = FeedSpec("c-1")
SMALL = FeedSpec("c-1", width=640, height=360)


def shows(view: str, *slots: tuple[str, str], feed: FeedSpec = FEED) -> LayoutChanged:
    filled = [Slot(kind, who) for kind, who in slots]  # type: ignore[arg-type]
    return LayoutChanged(NOW, "c-1", feed, view, filled)


SPEAKING = shows("1:7", ("main", "a"), ("pip", "b"))
SWITCHED = shows("1:7", ("main", "b"), ("pip", "a"))
VIEW = ConferenceView("c-1", 7, "Town Hall", running=True)


def recording(*changes: LayoutChanged, view: ConferenceView = VIEW) -> Recording:
    lines = [
        b'{"family":"mixer","sequence":%d,"time":"2026-01-01T00:00:00Z","commit":%b}'
        % (number, encode([change]))
        for number, change in enumerate(changes, 1)
    ]
    last = msgspec.json.encode({"view": view})
    return read(b"\n".join([*lines, last]).decode())


def test_the_same_is_no_difference() -> None:
    assert differences(recording(SPEAKING, SWITCHED), VIEW, [SPEAKING, SWITCHED]) == []


def test_versions_and_repetitions_do_not_count() -> None:
    later = msgspec.structs.replace(VIEW, version=99)
    assert differences(recording(SPEAKING), later, [SPEAKING, SPEAKING]) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([SPEAKING], "-1:7 main=(b) pip=(a)"),
        ([SWITCHED, SPEAKING], "@@ -1,2 +1,2 @@"),
        ([SPEAKING, SWITCHED, shows("1:0", ("main", "b"))], "+1:0 main=(b)"),
        ([SPEAKING, SWITCHED, shows("1:7", feed=SMALL)], "replayed layouts of single 640x360"),
    ],
    ids=["missing", "swapped", "surplus", "another feed"],
)
def test_another_sequence_of_layouts_is_a_difference(
    changes: list[LayoutChanged], says: str
) -> None:
    found = differences(recording(SPEAKING, SWITCHED), VIEW, changes)
    assert any(says in line for line in found)


STREAM = FeedSpec("c-1", streaming=True)


@pytest.mark.parametrize(
    ("replayed", "differs"),
    [
        ([SPEAKING, SWITCHED], False),
        ([SPEAKING], False),
        ([SWITCHED, SPEAKING, SWITCHED, SPEAKING], False),
        ([SWITCHED, SPEAKING], True),
        ([], True),
    ],
    ids=["the same", "shorter", "longer", "another order", "nothing"],
)
def test_a_feed_that_is_taken_may_be_taken_for_longer_or_shorter(
    replayed: list[LayoutChanged], differs: bool
) -> None:
    recorded, now = (
        [msgspec.structs.replace(change, feed=STREAM) for change in changes]
        for changes in ([SPEAKING, SWITCHED], replayed)
    )
    assert bool(differences(recording(*recorded), VIEW, now)) is differs


def test_another_view_is_a_difference() -> None:
    stopped = msgspec.structs.replace(VIEW, running=False)
    found = differences(recording(), stopped, [])
    assert '-  "running": true,' in found
    assert '+  "running": false,' in found


def test_each_feed_has_its_own_sequence() -> None:
    small = shows("1:0", ("main", "a"), feed=SMALL)
    assert layouts([SPEAKING, small, SPEAKING]) == {
        FEED: [SPEAKING],
        SMALL: [small],
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the last line"),
        ("nonsense", "line 1"),
        ('{"family":"mixer","sequence":1,"time":"2026-01-01T00:00:00Z","commit":[{}]}', "line 1"),
        ('{"view": 5}', "line 1"),
        ('\n{"view":{"conference":"c","version":1}}\n{}', "line 3"),
    ],
)
def test_what_is_no_export_is_refused_with_the_line(text: str, says: str) -> None:
    with pytest.raises(BadRecording, match=says):
        read(text)
