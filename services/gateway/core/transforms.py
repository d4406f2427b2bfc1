"""The body of `transform_layout`, in both of Pexip's forms, and what is asked for by it."""

from typing import Any

import msgspec

from proto.conference import Transforms
from proto.conference.words import OverlayText
from proto.layouts import AnyName, client_name


class StreamingLayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What streaming participants see, whatever their role; what is not given stays."""

    layout: AnyName | None = None
    "Not where the conference's layout is Adaptive Composition, which streams then follow."
    waiting_screen_enabled: bool | None = None
    plus_n_pip_enabled: bool | None = None
    indicators_enabled: bool | None = None
    presentation_in_mix: bool | None = None
    "Show a presentation as a tile of the layout instead of full screen."


class LayoutTransforms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change about a running conference's looks; what is not given stays."""

    layout: AnyName | None = None
    "By any of its names: `1:7`, `2x2`, `ac`, `one_main_seven_pips`."
    host_layout: AnyName | None = None
    "The same as `layout`, and counts before it."
    guest_layout: AnyName | None = None
    "What the Guests of a Virtual Auditorium see."
    streaming_indicator: bool | None = None
    recording_indicator: bool | None = None
    transcribing_indicator: bool | None = None
    enable_overlay_text: bool | None = None
    "Write names into pictures."
    enable_active_speaker_indication: bool | None = None
    "Draw a frame round whoever speaks."
    plus_n_pip_enabled: bool | None = None
    "Tell on the last thumbnail how many people are not seen."
    free_form_overlay_text: OverlayText | None = None
    "Texts instead of names, by place; an empty list: names again."
    live_captions_indicator: bool | None = None
    ai_enabled_indicator: bool | None = None
    external_media_processing_indicator: bool | None = None
    enable_extended_ac: bool | None = None
    "Adaptive Composition shows up to 23 people instead of 12."
    streaming: StreamingLayout | None = None


class TransformRequest(LayoutTransforms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`transform_layout`: the fields themselves, or in `transforms` as the client API has them."""

    conference_id: str
    transforms: LayoutTransforms | None = None
    "The same fields once more, which count before the others."


def transforms(request: TransformRequest) -> Transforms:
    wanted = _fields(request) | (_fields(request.transforms) if request.transforms else {})
    return msgspec.convert(wanted, Transforms)


def _fields(request: LayoutTransforms) -> dict[str, Any]:
    """What is given, layouts by the names that events carry."""
    given = {field: getattr(request, field) for field in LayoutTransforms.__struct_fields__}
    given["layout"] = given.pop("host_layout") or given["layout"]
    for field in ("layout", "guest_layout"):
        given[field] = _client_name(given[field])
    if request.streaming is not None:
        streaming = msgspec.structs.asdict(request.streaming)
        streaming["layout"] = _client_name(request.streaming.layout)
        given["streaming"] = streaming
    return {field: value for field, value in given.items() if value is not None}


def _client_name(name: AnyName | None) -> str | None:
    return None if name is None else client_name(name)
