"""What programs that know Pexip's client API are told of a conference."""

import json
from typing import Any

import msgspec
import pytest

from proto.conference import (
    EndConference,
    Lock,
    MuteGuests,
    MuteParticipant,
    ReportOutside,
    SetSpotlight,
    StartPresenting,
)
from proto.egress import DestinationChanged
from proto.views import ConferenceView
from services.conference_state.core import Vmr
from services.gateway.core.client import flags, participants
from tests.support.conference import HOSTED, START, Story, changed, dial, join

PATH = "/api/rostrum/v1/conferences/town-hall/participants/"

KEYS = json.loads(
    """{"locked":false,"guests_muted":false,"all_muted":false,"started":true,"chat_enabled":true,
    "presentation_allowed":true,"guests_can_present":true,"guests_can_unmute":true,
    "direct_media":false,"live_captions_available":false,"breakout_rooms":false,"pinning_config":"",
    "message_text":null,"classification":{"levels":{},"current":null},"recording":false,
    "transcribing":false,"streaming":false,"public_streaming":false,"ai_enabled":false,
    "external_media_processing":false,"custom_properties":null}"""
)
"""As the client API gives it."""

OF_A_PARTICIPANT = """
    uuid api_url display_name overlay_text uri protocol vendor role service_type
    is_streaming_conference call_direction local_alias encryption has_media start_time is_muted
    is_presenting is_video_call is_audio_only_call is_video_muted is_client_muted is_external
    external_node_uuid is_conjoined is_transferring is_idp_authenticated presentation_supported
    fecc_supported mute_supported disconnect_supported transfer_supported rx_presentation_policy
    buzz_time spotlight call_tag is_main_video_dropped_out is_video_silent
    needs_presentation_in_mix can_receive_personal_mix receive_from_video_mix send_to_audio_mixes
    receive_from_audio_mix layout_group show_live_captions is_recording is_transcribing
    is_public_streaming is_ai_enabled is_on_hold is_tx_muted studiosound_enabled
"""

OURS = {"streaming_state", "detail"}
"""Pexip has no such keys."""


def told(view: ConferenceView) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(flags(view))
    return shown


def true(story: Story) -> set[str]:
    """What of the flags holds that does not hold in a conference with nobody in it."""
    return {key for key, value in told(story.view).items() if value is True} - {
        "presentation_allowed",
        "guests_can_present",
    }


def test_it_has_the_keys_and_the_types_of_the_client_api() -> None:
    shown = told(Story().view)
    assert shown.keys() == KEYS.keys()
    assert {k: type(v) for k, v in shown.items()} == {k: type(v) for k, v in KEYS.items()}


def outside(kind: Any, **more: Any) -> ReportOutside:
    return ReportOutside("c1", kind, "google_meet", **more)


@pytest.mark.parametrize(
    ("commands", "holds"),
    [
        pytest.param([], set(), id="nobody"),
        pytest.param([join("bob")], set(), id="somebody-waits"),
        pytest.param([join("ann", "chair")], {"started"}, id="a-host"),
        pytest.param([join("ann", "chair"), Lock("c1")], {"started", "locked"}, id="locked"),
        pytest.param(
            [join("ann", "chair"), join("bob"), MuteGuests("c1")],
            {"started", "guests_muted"},
            id="guests-muted",
        ),
        pytest.param(
            [
                join("ann", "chair"),
                join("bob"),
                MuteGuests("c1"),
                MuteParticipant("c1", "ann"),
            ],
            {"started", "guests_muted", "all_muted"},
            id="all-muted",
        ),
        pytest.param(
            [join("ann", "chair"), outside("recording"), outside("transcribing")],
            {"started", "recording", "transcribing"},
            id="an-outside-meeting-is-recorded",
        ),
        pytest.param(
            [join("ann", "chair"), outside("streaming", public=True)],
            {"started", "streaming", "public_streaming"},
            id="an-outside-meeting-is-streamed-to-anybody",
        ),
        pytest.param(
            [join("ann", "chair"), Lock("c1"), EndConference("c1")], set(), id="it-is-over"
        ),
    ],
)
def test_the_flags_are_what_is_so(commands: list[Any], holds: set[str]) -> None:
    story = Story(HOSTED)
    story.tell(*commands)
    assert true(story) == holds


def test_a_stream_is_one_while_it_is_on_air() -> None:
    story = Story()
    story.tell(join("ann", "chair"), dial("tube"))
    assert true(story) == {"started"}
    connected: DestinationChanged = changed("tube", "publishing", tls_version="TLSv1.3")
    story.hear(connected)
    assert true(story) == {"started", "streaming"}


def test_guests_are_not_told_of_the_lock_nor_of_addresses() -> None:
    story = Story()
    story.tell(join("ann", "chair"), dial("tube"), Lock("c1"))
    assert not flags(story.view, to="guest").locked
    for one in participants(story.view, "town-hall", PATH, to="guest"):
        assert (one.uri, one.protocol) == ("", "")


def test_whether_guests_may_present_is_as_configured() -> None:
    story = Story(Vmr("Town Hall", guests_can_present=False))
    story.tell(join("ann", "chair"))
    assert not flags(story.view).guests_can_present


def test_a_participant_has_the_keys_of_the_client_api() -> None:
    story = Story()
    story.tell(join("ann", "chair"))
    [ann] = participants(story.view, "town-hall", PATH)
    assert msgspec.to_builtins(ann).keys() == set(OF_A_PARTICIPANT.split()) | OURS


def test_who_is_in_the_spotlight_has_been_there_since_a_moment() -> None:
    story = Story()
    story.tell(join("ann"), join("bob"), SetSpotlight("c1", "bob"))
    ann, bob = participants(story.view, "town-hall", PATH)
    assert (ann.spotlight, bob.spotlight) == (0, START.timestamp())


def test_people_and_streams_are_told_apart() -> None:
    story = Story()
    story.tell(join("ann", "chair"), dial("tube"), StartPresenting("c1", "ann"))
    story.hear(changed("tube", "publishing", tls_version="TLSv1.3"))
    ann, tube = participants(story.view, "town-hall", PATH)

    assert (ann.protocol, ann.call_direction, ann.role) == ("file", "in", "chair")
    assert (ann.is_presenting, ann.mute_supported, ann.transfer_supported) == ("YES", "YES", "YES")
    assert (ann.start_time, ann.service_type) == (START.timestamp(), "conference")
    assert (tube.protocol, tube.call_direction, tube.encryption) == ("rtmp", "out", "On")
    assert tube.is_streaming_conference
    assert (tube.mute_supported, tube.transfer_supported) == ("NO", "NO")
    assert (tube.uri, tube.api_url) == ("rtmps://ingest.example.com/live/***", f"{PATH}tube/")


def test_hosts_are_told_how_a_stream_is_and_why() -> None:
    story = Story()
    story.tell(join("ann", "chair"), dial("tube"))
    story.hear(changed("tube", "publishing"))
    story.hear(changed("tube", "recovering", reason="the server closed the connection"))
    ann, tube = participants(story.view, "town-hall", PATH)
    assert (ann.streaming_state, ann.detail) == ("", "")
    assert tube.streaming_state == "recovering"
    assert tube.detail == "the server closed the connection"
    for one in participants(story.view, "town-hall", PATH, to="guest"):
        assert (one.streaming_state, one.detail) == ("", "")


def test_who_waits_and_who_is_called_are_not_in_yet() -> None:
    story = Story(HOSTED)
    story.tell(join("bob"), dial("tube"))
    assert [p.service_type for p in participants(story.view, "a", PATH)] == [
        "waiting_room",
        "connecting",
    ]
