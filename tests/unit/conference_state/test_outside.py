"""Indicators and announcements: what is done to the conference, here and in meetings outside."""

from typing import Any

import pytest

from proto.conference import (
    AnnouncementRequested,
    Leave,
    OutsideKind,
    OutsideReported,
    Platform,
    ReportOutside,
    TransformLayout,
    Transforms,
)
from tests.support.conference import START, Story, changed, dial, join


def report(kind: OutsideKind, platform: Platform, **more: Any) -> ReportOutside:
    return ReportOutside("c1", kind, platform, **more)


def running() -> Story:
    story = Story()
    story.tell(join("ann"))
    return story


@pytest.mark.parametrize(
    ("platform", "kind", "public", "started", "stopped"),
    [
        ("google_meet", "recording", False, "recording_started", "recording_stopped"),
        ("google_meet", "streaming", False, "streaming_started", "streaming_stopped"),
        (
            "google_meet",
            "streaming",
            True,
            "public_streaming_started",
            "public_streaming_stopped",
        ),
        ("google_meet", "transcribing", False, "transcribing_started", "transcribing_stopped"),
        ("teams", "recording", False, "recording_started", "recording_stopped"),
        ("teams", "transcribing", False, "transcribing_started", "transcribing_stopped"),
        ("teams", "streaming", False, "", ""),
        ("skype", "recording", False, "", ""),
    ],
)
def test_what_is_announced(
    platform: Platform, kind: OutsideKind, public: bool, started: str, stopped: str
) -> None:
    story = running()
    on = story.tell(report(kind, platform, public=public))
    off = story.tell(report(kind, platform, on=False))

    assert on[0] == OutsideReported(START, kind, platform, True, public)
    assert off[0] == OutsideReported(START, kind, platform, False, public)
    told = [e.announcement for e in [*on, *off] if isinstance(e, AnnouncementRequested)]
    assert told == [word for word in (started, stopped) if word]


def test_the_facts_and_their_indicators_follow() -> None:
    story = running()
    flags = []
    for command in (
        report("recording", "google_meet"),
        report("recording", "teams"),
        report("recording", "google_meet", on=False),
        report("recording", "teams", on=False),
    ):
        story.tell(command)
        flags.append((story.view.recording, story.view.recording_indicator))

    assert flags == [(True, True), (True, True), (True, True), (False, False)]


def test_a_stream_of_ours_and_one_outside_are_both_streaming() -> None:
    story = running()
    story.tell(report("streaming", "google_meet", public=True), dial("tube"))
    story.hear(changed("tube", "publishing"))
    assert story.view.public_streaming
    story.tell(report("streaming", "google_meet", on=False))
    assert (story.view.streaming, story.view.public_streaming) == (True, False)
    story.tell(Leave("c1", "tube"))

    assert not story.view.streaming_indicator


def test_told_twice_it_is_said_once_and_going_public_is_news() -> None:
    story = running()
    private = report("streaming", "google_meet")

    assert len(story.tell(private)) == 2
    assert story.tell(private) == []
    assert len(story.tell(report("streaming", "google_meet", public=True))) == 2
    assert story.tell(report("recording", "teams", on=False)) == []


def test_a_transform_overrides_the_indicator_and_not_the_fact() -> None:
    story = running()
    story.tell(TransformLayout("c1", Transforms(recording_indicator=True)))
    assert (story.view.recording, story.view.recording_indicator) == (False, True)
    story.tell(dial("tube"), TransformLayout("c1", Transforms(streaming_indicator=False)))
    story.hear(changed("tube", "publishing"))

    assert (story.view.streaming, story.view.streaming_indicator) == (True, False)
    assert story.view.recording_indicator


def test_all_of_it_ends_with_the_conference() -> None:
    story = running()
    story.tell(report("recording", "teams"), TransformLayout("c1", Transforms(layout="1:0")))
    story.tell(Leave("c1", "ann"))
    view = story.view

    assert (view.recording, view.recording_indicator, view.outside) == (False, False, [])
    assert (view.announcement, view.transforms) == (None, Transforms())
