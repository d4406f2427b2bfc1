"""`transform_layout`: what is changed about a running conference's looks."""

import msgspec
import pytest

from proto.conference import LayoutTransformed, StreamingTransforms, TransformLayout, Transforms
from services.conference_state.core import Vmr
from tests.support.conference import START, Story, join


def running(vmr: Vmr | None = None) -> Story:
    story = Story(vmr) if vmr else Story()
    story.tell(join("ann"))
    return story


def told(*wanted: Transforms) -> Story:
    story = running()
    for transforms in wanted:
        story.tell(TransformLayout("c1", transforms))
    return story


def streams(**fields: object) -> Transforms:
    return Transforms(streaming=msgspec.convert(fields, StreamingTransforms))


def test_a_transform_changes_what_it_names_and_leaves_the_rest() -> None:
    story = told(Transforms(layout="1:0"))
    [event] = story.tell(TransformLayout("c1", Transforms(guest_layout="1:7")))

    assert event == LayoutTransformed(START, Transforms("1:0", "1:7"))
    assert (story.view.layout, story.view.guest_layout) == ("1:0", "1:7")
    assert story.tell(TransformLayout("c1", Transforms(layout="1:0"))) == []


def test_what_streams_see_is_changed_field_by_field_too() -> None:
    story = told(
        streams(layout="1:0", waiting_screen_enabled=True),
        streams(waiting_screen_enabled=False),
        streams(indicators_enabled=False),
        Transforms(plus_n_pip_enabled=False),
        streams(),
    )

    assert story.view.transforms == Transforms(
        plus_n_pip_enabled=False,
        streaming=StreamingTransforms(
            "1:0", waiting_screen_enabled=False, indicators_enabled=False
        ),
    )
    assert story.view.layout == "1:7"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("3x3", "9:0"), ("5:7", "ac"), ("one_main_seven_pips", "1:7"), ("teams", "teams")],
)
def test_a_layout_may_be_given_by_any_of_its_names(given: str, kept: str) -> None:
    story = told(Transforms(given, given, streaming=StreamingTransforms(given)))

    assert (story.view.layout, story.view.guest_layout) == (kept, kept)
    assert story.view.transforms.streaming == StreamingTransforms(kept)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Transforms(layout="9:9"), "layout"),
        (Transforms(guest_layout="9:9"), "guest_layout"),
        (Transforms(streaming=StreamingTransforms(layout="9:9")), "streaming"),
    ],
)
def test_a_layout_that_there_is_not_is_refused(wanted: Transforms, field: str) -> None:
    assert running().refused(TransformLayout("c1", wanted)) == ("invalid", field)


def test_names_and_frames_are_as_configured_until_they_are_changed() -> None:
    story = running(Vmr("Town hall", enable_overlay_text=True, call_type="audio"))
    view = story.view
    assert (view.enable_overlay_text, view.enable_active_speaker_indication) == (True, False)
    assert view.call_type == "audio"

    story.tell(
        TransformLayout("c1", Transforms(enable_active_speaker_indication=True)),
        TransformLayout("c1", Transforms(enable_overlay_text=False)),
    )

    view = story.view
    assert (view.enable_overlay_text, view.enable_active_speaker_indication) == (False, True)


def test_free_texts_are_replaced_as_a_whole_and_may_be_none() -> None:
    story, texts = told(Transforms(free_form_overlay_text=("A", "B"))), []
    texts.append(story.view.transforms.free_form_overlay_text)
    story.tell(TransformLayout("c1", Transforms(free_form_overlay_text=())))
    texts.append(story.view.transforms.free_form_overlay_text)

    assert texts == [("A", "B"), ()]


def test_nothing_about_streams_is_nothing() -> None:
    assert running().tell(TransformLayout("c1", streams())) == []
