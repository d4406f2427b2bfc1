"""The indicators of a conference: their state, and the stamps that each feed gets of them."""

from collections.abc import Sequence

import msgspec

from proto.media import FeedSpec
from proto.theme import IndicatorKind
from proto.views import ConferenceView
from services.mixer.core import indicators
from services.mixer.core.indicators import Indicator
from services.mixer.core.pills import disc, pills
from services.mixer.core.scene import Scene
from services.mixer.media.badges import Badges
from services.mixer.media.overlays import Stamp
from services.mixer.theme import Theme


class _Shown(msgspec.Struct, frozen=True):
    """What a feed got last, for as long as the same is to be seen."""

    indicators: tuple[Indicator, ...]
    scene: Scene
    stamps: Sequence[Stamp]


class Signs:
    """For one thread."""

    def __init__(self, theme: Theme) -> None:
        self._state = indicators.State()
        self.dress(theme)

    def dress(self, theme: Theme) -> None:
        """What is under way goes on, in the looks of another theme."""
        self.theme = theme
        self._badges = Badges(theme)
        self._view: ConferenceView | None = None
        "What was followed last."
        self._shown: dict[FeedSpec, _Shown] = {}

    def follow(self, view: ConferenceView, now: float) -> None:
        if view is not self._view or now >= self._state.due:
            self._view = view
            manner = self.theme.look.manner
            self._state = indicators.follow(self._state, view, manner, now)

    def stamps(
        self, view: ConferenceView, feed: FeedSpec, scene: Scene, at: float
    ) -> Sequence[Stamp]:
        """What lies over the picture that is shown at that second."""
        shown = indicators.indicators(self._state, self.theme.look, at)
        if not shown or not indicators.in_feed(view, feed):
            self._shown.pop(feed, None)
            return ()
        last = self._shown.get(feed)
        if last is None or last.scene is not scene or last.indicators != shown:
            last = self._shown[feed] = _Shown(shown, scene, self._stamps(shown, scene))
        return last.stamps

    def forget(self, feed: FeedSpec) -> None:
        """Nobody takes it any more."""
        self._shown.pop(feed, None)

    def _stamps(self, shown: tuple[Indicator, ...], scene: Scene) -> Sequence[Stamp]:
        size = disc(self.theme.look.manner.size, scene.width, scene.height)
        lengths: dict[IndicatorKind, int] = {
            one.kind: self._badges.length(one.kind, size) for one in shown
        }
        out = {one.kind: one.out for one in shown}
        return [
            self._badges.stamp(pill, out[pill.kind]) for pill in pills(shown, lengths, scene, size)
        ]
