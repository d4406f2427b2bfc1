"""What a running conference looks like, changed while it runs: `transform_layout`."""

from datetime import datetime
from typing import TypeVar

import msgspec

from proto.base import Refused
from proto.conference import ConferenceEvent, LayoutTransformed, StreamingTransforms, Transforms
from proto.layouts import client_name
from proto.views import ConferenceView

T = TypeVar("T", Transforms, StreamingTransforms)


def transform(
    state: ConferenceView, wanted: Transforms, at: datetime
) -> list[ConferenceEvent] | Refused:
    """Change the fields that are given, those of `streaming` one by one, too."""
    streaming = wanted.streaming or StreamingTransforms()
    for field, layout in (
        ("layout", wanted.layout),
        ("guest_layout", wanted.guest_layout),
        ("streaming", streaming.layout),
    ):
        if layout is not None and client_name(layout) is None:
            return Refused("invalid", "there is no such layout", field)
    before = state.transforms
    merged = _merged(before, msgspec.structs.replace(_named(wanted), streaming=None))
    if streaming != StreamingTransforms():
        so_far = before.streaming or StreamingTransforms()
        merged = msgspec.structs.replace(merged, streaming=_merged(so_far, _named(streaming)))
    return [] if merged == before else [LayoutTransformed(at, merged)]


def transformed(view: ConferenceView, transforms: Transforms) -> ConferenceView:
    """What the view says after a transform, whose fields count where they are given."""
    return msgspec.structs.replace(
        view,
        transforms=transforms,
        layout=transforms.layout or view.layout,
        guest_layout=transforms.guest_layout or view.guest_layout,
        enable_overlay_text=_given(transforms.enable_overlay_text, view.enable_overlay_text),
        enable_active_speaker_indication=_given(
            transforms.enable_active_speaker_indication, view.enable_active_speaker_indication
        ),
    )


def _merged(before: T, wanted: T) -> T:
    given = {field: value for field, value in _fields(wanted).items() if value is not None}
    return msgspec.structs.replace(before, **given)


def _named(wanted: T) -> T:
    """The same with the layouts' client API names."""
    given = {
        field: client_name(str(value))
        for field, value in _fields(wanted).items()
        if field in ("layout", "guest_layout") and value is not None
    }
    return msgspec.structs.replace(wanted, **given)


def _fields(transforms: T) -> dict[str, object]:
    return {field: getattr(transforms, field) for field in transforms.__struct_fields__}


def _given(wanted: bool | None, otherwise: bool) -> bool:
    return otherwise if wanted is None else wanted
