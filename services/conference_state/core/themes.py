"""Which themes a conference wears."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from proto.conference import ConferenceEvent, ThemeRef, ThemesChosen
from proto.views import ConferenceView
from services.conference_state.core.vmr import Vmr


def chosen(state: ConferenceView, vmr: Vmr) -> list[ThemeRef]:
    """The conference's own, or that of the rule which made a gateway call; then the default."""
    return list(_with_package((state.theme or vmr.theme, vmr.default_theme), vmr.packages))


def wear(state: ConferenceView, at: datetime, vmr: Vmr) -> list[ConferenceEvent]:
    """Put on what is configured now, if it is not worn already."""
    themes = chosen(state, vmr)
    return [ThemesChosen(at, themes)] if state.running and themes != state.themes else []


def due(state: ConferenceView, vmr: Vmr) -> datetime | None:
    """Another theme is put on at once."""
    return state.started_at if state.running and chosen(state, vmr) != state.themes else None


def _with_package(themes: Iterable[int], packages: Mapping[int, str]) -> Iterable[ThemeRef]:
    """Each once; one without a package says nothing."""
    for theme in dict.fromkeys(themes):
        if package := packages.get(theme):
            yield ThemeRef(theme, package)
