"""A recording is a call like a stream, and shown as what it is."""

from typing import Any

import msgspec
import pytest

from proto.conference import CallEnded, KeepAlive, Leave
from proto.routing import CallRouted
from proto.urls import SealedUrl
from services.conference_state.core import Automatic
from tests.support.conference import OPEN, RTMPS, START, Story, changed, dial, join, kinds

RECORD = SealedUrl("tube.destination", "record://talk", "record")


def routed(url: SealedUrl) -> CallRouted:
    return CallRouted(START, "c1", "tube", url, "", "Keep")


def recorded(**more: Any) -> Story:
    story = Story()
    story.tell(join("ann"), dial("tube", url=RECORD, **more))
    story.hear(changed("tube", "publishing"))
    return story


def test_what_is_recorded_is_not_streamed() -> None:
    view = recorded().view
    call = view.find("tube")
    assert call is not None
    assert (call.is_recording, call.is_streaming) == (True, False)
    assert (view.recording, view.recording_indicator) == (True, True)
    assert (view.streaming, view.streaming_indicator) == (False, False)


def test_the_indicator_goes_with_the_recording_and_stays_while_it_recovers() -> None:
    story = recorded()
    story.hear(changed("tube", "recovering"))
    assert story.view.recording
    story.tell(Leave("c1", "tube"))
    assert (story.view.recording, story.view.recording_indicator) == (False, False)


def test_a_recording_counts_only_once_it_has_a_picture() -> None:
    story = Story()
    story.tell(join("ann"), dial("tube", url=RECORD))
    assert not story.view.recording


@pytest.mark.parametrize("role", ["guest", "chair"])
def test_a_recording_alone_keeps_no_conference_alive(role: str) -> None:
    story = recorded(role=role)
    caused = story.tell(Leave("c1", "ann"))
    assert "ConferenceEnded" in kinds(caused)


def test_a_recording_is_no_company_for_a_stream_that_keeps_a_conference_alive_in_company() -> None:
    multiple: KeepAlive = "keep_conference_alive_if_multiple"
    story = Story()
    story.tell(
        join("ann"),
        dial("stream", "chair", multiple, url=RTMPS),
        dial("tube", "guest", multiple, url=RECORD),
    )
    assert "ConferenceEnded" in kinds(story.tell(Leave("c1", "ann")))


def test_recording_needs_no_encryption_and_no_rtmp() -> None:
    vmr = msgspec.structs.replace(OPEN, crypto_mode="on", enable_rtmp=False)
    story = Story(vmr)
    story.tell(join("ann"), dial("tube", url=RECORD, routing="manual"))
    story.hear(routed(RECORD))
    assert story.view.find("tube") is not None
    assert story.refused(dial("other", url=RTMPS))[0] == "forbidden"


def test_a_rule_may_make_a_recording_of_a_stream_and_the_other_way_round() -> None:
    story = Story()
    story.tell(join("ann"), dial("tube", url=RTMPS))
    story.hear(routed(RECORD))
    call = story.view.find("tube")
    assert call is not None
    assert (call.is_recording, call.is_streaming) == (True, False)

    story = Story()
    story.tell(join("ann"), dial("tube", url=RECORD))
    story.hear(routed(RTMPS))
    call = story.view.find("tube")
    assert call is not None
    assert (call.is_recording, call.is_streaming) == (False, True)


def test_an_automatic_participant_may_be_a_recording() -> None:
    automatic = Automatic(7, "Recorder", RECORD, routing="manual", streaming=True)
    story = Story(msgspec.structs.replace(OPEN, automatic=(automatic,)))
    story.tell(join("ann"))
    [call] = [p for p in story.view.participants if p.destination]
    assert call.is_recording
    ended = story.hear(changed(call.participant, "failed", code="disk-full"))
    assert [event.code for event in ended if isinstance(event, CallEnded)] == ["disk-full"]
