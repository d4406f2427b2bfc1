"""Which themes a conference wears, while administrators change them."""

import msgspec

from proto.conference import IncomingRoute, Leave, ThemeRef, ThemesChosen
from proto.config import Global
from services.conference_state.configured import gateway_call
from services.conference_state.core import deadline
from tests.support.conference import HOSTED, OPEN, START, Story, dial, join, kinds, through

BLUE, GREEN = "b" * 64, "a" * 64
OWN = msgspec.structs.replace(OPEN, theme=4, default_theme=7, packages={4: BLUE, 7: GREEN})


def test_the_conferences_own_theme_decides_before_the_default() -> None:
    story = Story(OWN)
    assert kinds(story.tell(join("ann")))[:2] == ["ConferenceStarted", "ThemesChosen"]
    assert story.view.themes == [ThemeRef(4, BLUE), ThemeRef(7, GREEN)]


def test_a_call_out_of_a_conference_begins_it_with_its_themes() -> None:
    story = Story(OWN)
    assert kinds(story.tell(dial("tube")))[:2] == ["ConferenceStarted", "ThemesChosen"]


def test_a_gateway_call_wears_its_rules_theme_before_the_default() -> None:
    packages = {4: BLUE, 7: GREEN}
    house = gateway_call(Global(default_theme=7), packages)
    story = Story(house)
    story.tell(through(rule=IncomingRoute("Out", theme=4)))
    assert story.view.themes == [ThemeRef(4, BLUE), ThemeRef(7, GREEN)]
    assert story.wait(60) == []
    plain = Story(house)
    plain.tell(through())
    assert plain.view.themes == [ThemeRef(7, GREEN)]


def test_a_theme_without_a_package_says_nothing() -> None:
    story = Story(msgspec.structs.replace(OWN, packages={7: GREEN}))
    story.tell(join("ann"))
    assert story.view.themes == [ThemeRef(7, GREEN)]


def test_a_default_that_is_the_conferences_own_is_worn_once() -> None:
    story = Story(msgspec.structs.replace(OWN, default_theme=4))
    story.tell(join("ann"))
    assert story.view.themes == [ThemeRef(4, BLUE)]


def test_what_changes_is_worn_at_once_and_told_once() -> None:
    story = Story(OPEN)
    story.tell(join("ann"))
    assert "ThemesChosen" not in kinds(story.events)
    story.vmr = OWN
    assert story.wait(1) == [ThemesChosen(START, [ThemeRef(4, BLUE), ThemeRef(7, GREEN)])]
    assert story.wait(60) == []
    story.vmr = msgspec.structs.replace(OWN, packages={4: GREEN, 7: GREEN})
    [changed] = story.wait(1)
    assert isinstance(changed, ThemesChosen)
    assert changed.themes[0] == ThemeRef(4, GREEN)
    story.vmr = OPEN
    story.wait(1)
    assert story.view.themes == []


def test_a_conference_that_is_over_changes_its_clothes_no_more() -> None:
    story = Story(OPEN)
    story.tell(join("ann"), Leave("c1", "ann"))
    assert not story.view.running
    assert deadline(story.view, OWN) is None


def test_a_new_instance_wears_what_is_configured_then() -> None:
    story = Story(OWN)
    story.tell(join("ann"), Leave("c1", "ann"))
    story.vmr = HOSTED
    story.tell(join("ann", "chair"))
    assert story.view.themes == []
