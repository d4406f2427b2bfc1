"""The body of `transform_layout`, in both of Pexip's forms."""

from typing import Any

import msgspec
import pytest

from proto.conference import StreamingTransforms, Transforms
from services.gateway.core.requests import read
from services.gateway.core.transforms import TransformRequest, transforms

CLIENT_FORM: dict[str, Any] = {
    "layout": "1:7",
    "host_layout": "1:7",
    "guest_layout": "1:0",
    "enable_extended_ac": False,
    "enable_overlay_text": True,
    "enable_active_speaker_indication": True,
    "plus_n_pip_enabled": True,
    "free_form_overlay_text": ["A", "B"],
    "streaming_indicator": True,
    "recording_indicator": True,
    "transcribing_indicator": False,
    "live_captions_indicator": False,
    "ai_enabled_indicator": False,
    "external_media_processing_indicator": False,
    "streaming": {
        "layout": "1:0",
        "waiting_screen_enabled": False,
        "plus_n_pip_enabled": False,
        "indicators_enabled": False,
        "presentation_in_mix": True,
    },
}
"""As Pexip's own programs send it."""


def asked(body: dict[str, Any]) -> Transforms | dict[str, list[str]]:
    request = read(msgspec.json.encode({"conference_id": "x", **body}), TransformRequest)
    return request if isinstance(request, dict) else transforms(request)


@pytest.mark.parametrize("body", [CLIENT_FORM, {"transforms": CLIENT_FORM}], ids=["flat", "nested"])
def test_all_that_pexip_has_is_understood_in_both_forms(body: dict[str, Any]) -> None:
    assert asked(body) == Transforms(
        layout="1:7",
        guest_layout="1:0",
        streaming_indicator=True,
        recording_indicator=True,
        transcribing_indicator=False,
        enable_overlay_text=True,
        enable_active_speaker_indication=True,
        plus_n_pip_enabled=True,
        free_form_overlay_text=("A", "B"),
        live_captions_indicator=False,
        ai_enabled_indicator=False,
        external_media_processing_indicator=False,
        enable_extended_ac=False,
        streaming=StreamingTransforms("1:0", False, False, False, True),
    )


@pytest.mark.parametrize(
    ("body", "then"),
    [
        pytest.param({}, Transforms(), id="nothing"),
        pytest.param({"layout": "3x3"}, Transforms("9:0"), id="a-newer-name"),
        pytest.param({"layout": "one_main_seven_pips"}, Transforms("1:7"), id="the-configurations"),
        pytest.param({"layout": "1:7", "host_layout": "ac"}, Transforms("ac"), id="host-layout"),
        pytest.param(
            {"layout": "1:7", "transforms": {"layout": "1:0"}}, Transforms("1:0"), id="nested-first"
        ),
        pytest.param(
            {"streaming": {"layout": "4x4"}},
            Transforms(streaming=StreamingTransforms("16:0")),
            id="a-newer-name-for-streams",
        ),
        pytest.param({"streaming": {}}, Transforms(streaming=StreamingTransforms()), id="empty"),
    ],
)
def test_what_is_asked_for(body: dict[str, Any], then: Transforms) -> None:
    assert asked(body) == then


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"layout": "9:9"}, "layout", id="no-such-layout"),
        pytest.param({"guest_layout": 7}, "guest_layout", id="not-a-name"),
        pytest.param({"streaming": {"layout": "9:9"}}, "streaming", id="nor-for-streams"),
        pytest.param({"transforms": {"layout": "9:9"}}, "transforms", id="nor-nested"),
        pytest.param({"streaming": {"zzz": True}}, "streaming", id="no-such-field"),
        pytest.param({"free_form_overlay_text": ["x"] * 51}, "free_form_overlay_text", id="many"),
        pytest.param({"enable_overlay_text": "yes"}, "enable_overlay_text", id="not-a-boolean"),
    ],
)
def test_what_is_wrong_is_told_by_field(body: dict[str, Any], field: str) -> None:
    found = asked(body)

    assert isinstance(found, dict)
    assert list(found) == [field]
