"""The indicators of a conference: their state, and the stamps that each feed gets of them."""

from collections.abc import Sequence

from proto.media import FeedSpec
from proto.views import ConferenceView
from services.mixer.core import indicators
from services.mixer.core.pills import disc, pills
from services.mixer.core.scene import Scene
from services.mixer.media.badges import Badges
from services.mixer.media.overlays import Stamp
from services.mixer.theme import Theme


class Signs:
    """For one thread."""

    def __init__(self, theme: Theme) -> None:
        self._state = indicators.State()
        self.dress(theme)

    def dress(self, theme: Theme) -> None:
        """What is under way goes on, in the looks of another theme."""
        self.theme = theme
        self._badges = Badges(theme)

    def follow(self, view: ConferenceView, now: float) -> None:
        self._state = indicators.follow(self._state, view, self.theme.look.manner, now)

    def stamps(
        self, view: ConferenceView, feed: FeedSpec, scene: Scene, at: float
    ) -> Sequence[Stamp]:
        """What lies over the picture that is shown at that second."""
        shown = indicators.indicators(self._state, self.theme.look, at)
        if not shown or not indicators.in_feed(view, feed):
            return ()
        size = disc(self.theme.look.manner.size, feed.width, feed.height)
        lengths = {one.kind: self._badges.length(one.kind, size) for one in shown}
        out = {one.kind: one.out for one in shown}
        return [
            self._badges.stamp(pill, out[pill.kind]) for pill in pills(shown, lengths, scene, size)
        ]
