"""What applies to a feed: the layout, and all that may be said about looks. docs/layouts.md."""

import msgspec

from proto.conference import StreamingTransforms
from proto.layouts import DEFAULT, ClientName, adaptive, client_name
from proto.media import FeedSpec
from proto.views import ConferenceView


class Rules(msgspec.Struct, frozen=True):
    layout: ClientName = DEFAULT
    in_mix: bool = False
    "A presentation is a tile among the people."
    waiting_screen: bool = False
    "The feed shows a screen instead of the conference."
    plus_n: bool = True
    names: bool = False
    active_speaker: bool = False
    texts: tuple[str, ...] = ()
    "Written into tiles instead of names, by place."
    extended: bool = False
    pictures: bool = True
    "People's pictures are shown, and not only their names."


def rules(view: ConferenceView, feed: FeedSpec) -> Rules:
    transforms = view.transforms
    streaming = (transforms.streaming if feed.streaming else None) or StreamingTransforms()
    layout = layout_of(view, feed)
    return Rules(
        layout,
        _first(streaming.presentation_in_mix, adaptive(layout) or layout == "teams"),
        waiting_screen(view, feed),
        _first(streaming.plus_n_pip_enabled, transforms.plus_n_pip_enabled, True),
        view.enable_overlay_text,
        view.enable_active_speaker_indication,
        transforms.free_form_overlay_text or (),
        bool(transforms.enable_extended_ac),
        view.call_type != "audio",
    )


def waiting_screen(view: ConferenceView, feed: FeedSpec) -> bool:
    """Nothing of the conference is to be seen or heard yet."""
    streaming = view.transforms.streaming
    return feed.streaming and streaming is not None and bool(streaming.waiting_screen_enabled)


def layout_of(view: ConferenceView, feed: FeedSpec) -> ClientName:
    """The feed's own; the streams' one; the Guests'; the conference's.

    A stream follows a conference that is composed adaptively, whatever is set for streams: so it
    is documented of Pexip, and programs count on it.
    """
    streaming = view.transforms.streaming
    if feed.layout:
        wanted = feed.layout
    elif feed.streaming and streaming and streaming.layout and not adaptive(view.layout):
        wanted = streaming.layout
    elif feed.audience == "guests" and view.guest_layout:
        wanted = view.guest_layout
    else:
        wanted = view.layout
    return client_name(wanted) or DEFAULT


def _first(*said: bool | None) -> bool:
    """The first that says anything."""
    return next(one for one in said if one is not None)
