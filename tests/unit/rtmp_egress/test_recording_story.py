"""Who was in a recording, its chapters, its parts; and which recordings have to go."""

from datetime import UTC, datetime, timedelta

import msgspec

from proto.base import encode
from proto.recording import Mark, Part, Recording, chapters, decode_recording
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView
from services.rtmp_egress.archive import story
from services.rtmp_egress.archive.retention import Expired, Retention, expired
from services.rtmp_egress.wire import PartBegun, PartEnded

START = datetime(2026, 11, 26, 7, tzinfo=UTC)
CALL = ParticipantView(
    "tube", "Recording", "guest", destination=SealedUrl("tube.destination", "record://", "record")
)
replace = msgspec.structs.replace


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def person(who: str, joined: float = -60) -> ParticipantView:
    return ParticipantView(who, who.title(), "guest", joined_at=after(joined))


def view(*people: ParticipantView, presenter: str = "", layout: str = "1:7") -> ConferenceView:
    return ConferenceView(
        "hall-1",
        1,
        "Town Hall",
        running=True,
        instance="i1",
        participants=[*people, CALL],
        presenter=presenter,
        layout=layout,
    )


def begun(number: int = 1, at: float = 0.0, started: datetime = START) -> PartBegun:
    return PartBegun("tube", number, f"talk-{number:03}.mp4", at, "talk", started, 5)


def recording() -> Recording:
    new = Recording("tube", "tube", "hall-1", "", "i1", "single", "here")
    return story.part_begun(new, begun(), "here", view(person("ann")))


def test_who_comes_and_goes_is_told_in_seconds_of_the_recording() -> None:
    one = recording()
    one = story.seen(one, view(person("ann"), person("bob", 10)), after(10.2))
    one = story.seen(one, view(person("bob", 10)), after(25))
    one = story.seen(one, view(person("ann", 30), person("bob", 10)), after(30.1))
    one = story.ended(one, after(40), "", "")

    assert [(p.participant, p.since, p.until) for p in one.people] == [
        ("ann", 0, 25),
        ("bob", 10, 40),
        ("ann", 30, 40),
    ]
    assert one.conference_name == "Town Hall"


def test_who_waits_and_who_is_called_is_not_in_it() -> None:
    waiting = replace(person("eve"), state="waiting")
    one = story.seen(recording(), view(person("ann"), waiting), after(5))
    assert [p.participant for p in one.people] == ["ann"]


def test_presentations_and_layouts_are_chapters() -> None:
    one = recording()
    one = story.seen(one, view(person("ann"), presenter="ann"), after(60.5))
    one = story.seen(one, view(person("ann"), presenter="ann", layout="1:0"), after(70))
    one = story.seen(one, view(person("ann"), layout="1:0"), after(3700))
    one = story.part_ended(one, PartEnded("tube", 1, 4000.0, 10))

    assert chapters(one) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:01:00.500\nStart\n\n"
        "00:01:00.500 --> 00:01:10.000\nPresentation by Ann\n\n"
        "00:01:10.000 --> 01:01:40.000\nLayout 1:0\n\n"
        "01:01:40.000 --> 01:06:40.000\nConference\n"
    )


def test_a_part_has_its_own_chapters_in_its_own_time() -> None:
    one = replace(
        recording(),
        parts=[Part(1, "a-001.mp4", 0.0, 60.0), Part(2, "a-002.mp4", 60.0, 60.0)],
        marks=[Mark(0, "start", "Start"), Mark(30, "layout", "B --> <b>"), Mark(90, "layout", "C")],
    )
    assert chapters(one, one.parts[1]) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:30.000\nB --&gt; &lt;b&gt;\n\n"
        "00:00:30.000 --> 00:01:00.000\nC\n"
    )


def test_another_instance_of_the_conference_is_not_in_it() -> None:
    later = replace(view(person("zoe")), instance="i2")
    assert story.seen(recording(), later, after(5)) == recording()


def test_a_file_that_was_not_closed_is_cut_when_the_next_begins() -> None:
    one = story.part_begun(recording(), begun(2, 61.0), "here", None)
    assert [(p.number, p.at, p.ended, p.cut) for p in one.parts] == [
        (1, 0.0, True, True),
        (2, 61.0, False, False),
    ]
    one = story.part_ended(one, PartEnded("tube", 2, 30.0, 1000, 3))
    one = story.ended(one, after(100), "worker-lost", "gone")
    last = one.parts[-1]
    assert (last.seconds, last.size, last.lost_pictures, last.cut) == (30, 1000, 3, False)
    assert (one.state, one.code, one.seconds) == ("complete", "worker-lost", 91)


def test_a_recording_that_goes_on_elsewhere_keeps_its_second_zero() -> None:
    """There second 0 is when its own first picture came."""
    one = story.part_begun(recording(), begun(2, 0.0, after(75)), "there", None)
    assert (one.started_at, one.parts[1].at) == (START, 75)
    assert [p.host for p in one.parts] == ["here", "there"]


def test_a_recording_that_had_ended_may_go_on() -> None:
    over = story.ended(recording(), after(10), "worker-lost", "gone")
    again = story.part_begun(over, begun(2, 12.0), "here", view(person("ann")))
    assert (again.state, again.code, again.ended_at) == ("recording", "", None)
    assert [p.until for p in again.people] == [10, None]


def test_the_manifest_says_its_version_and_is_read_again() -> None:
    text = encode(recording())
    assert msgspec.json.decode(text)["type"] == "recording.v1"
    assert decode_recording(text) == recording()


def kept(name: str, days_ago: float, size: int, state: str = "complete") -> Recording:
    part = Part(1, "a-001.mp4", 0.0, 60.0, size)
    one = Recording(name, name, "hall-1", "", "i1", "single", "here", parts=[part])
    return msgspec.convert(
        msgspec.to_builtins(replace(one, ended_at=START - timedelta(days=days_ago)))
        | {"state": state, "type": "recording.v1"},
        Recording,
    )


def test_what_is_too_old_goes() -> None:
    known = [kept("old", 15, 10), kept("new", 13, 10), kept("on", 99, 10, "recording")]
    assert expired(known, Retention(days=14), START) == [Expired("old", "it is older than 14 days")]
    assert expired(known, Retention(), START) == []


def test_what_is_too_much_goes_oldest_first() -> None:
    known = [kept("a", 1, 4), kept("b", 3, 4), kept("c", 2, 4)]
    gone = expired(known, Retention(bytes=5), START)
    assert [one.recording for one in gone] == ["b", "c"]
    assert "larger" in gone[0].reason
    assert expired(known, Retention(bytes=12), START) == []
