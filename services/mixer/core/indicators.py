"""When indicators are seen and when their texts are out. Pure: seconds of the mix are given.

One state for a conference, whoever watches: texts slide out when somebody joins and every two
minutes otherwise. What is asked for again while it moves goes on from where it is.
"""

import math
from collections.abc import Mapping

import msgspec

from proto.media import FeedSpec
from proto.theme import KINDS, IndicatorKind
from proto.views import ConferenceView
from services.mixer.core.theme import Look, Manner

replace = msgspec.structs.replace


class Ramp(msgspec.Struct, frozen=True):
    """Something that goes from 0 to 1, stays there, and goes back, at one speed."""

    since: float = 0.0
    begun: float = 0.0
    "How far it was then."
    until: float = -math.inf
    "When it turns back."

    def at(self, now: float, takes: float) -> float:
        """How far it is while each way `takes` so many seconds."""
        up = self._up(min(now, max(self.until, self.since)), takes)
        return max(up - _part(now - max(self.until, self.since), takes), 0.0)

    def on(self, now: float, until: float, takes: float) -> "Ramp":
        """Turned on at least until then; one that is on already stays as it is."""
        if self.since <= now <= self.until:
            return replace(self, until=max(until, self.until))
        return Ramp(now, self.at(now, takes), until)

    def off(self, now: float) -> "Ramp":
        return replace(self, until=min(now, self.until))

    def _up(self, at: float, takes: float) -> float:
        return min(self.begun + _part(at - self.since, takes), 1.0)


def _part(passed: float, takes: float) -> float:
    if passed <= 0:
        return 0.0
    return passed / takes if takes > 0 else 1.0


class State(msgspec.Struct, frozen=True):
    """What has to be remembered."""

    shown: Mapping[IndicatorKind, Ramp] = {}
    text: Ramp = Ramp()
    due: float = math.inf
    "When the texts slide out next, if nobody joins before."
    people: frozenset[str] | None = None
    "Who was in; nothing: nobody has looked yet."


class Indicator(msgspec.Struct, frozen=True):
    """One of them at one moment."""

    kind: IndicatorKind
    out: float
    "How far its text has slid out, 0 to 1."
    room: float
    "How much of its place it takes, 0 to 1: the others make room before it can be seen."
    opacity: float


def follow(state: State, view: ConferenceView, manner: Manner, now: float) -> State:
    """What the conference is like now, and that time has passed. May be called at any moment."""
    wanted = facts(view)
    shown = dict(state.shown)
    came = False
    for kind in KINDS:
        ramp = shown.get(kind, Ramp())
        is_on = ramp.until == math.inf
        if kind in wanted and not is_on:
            shown[kind] = ramp.on(now, math.inf, manner.fade_for)
            came = True
        elif kind not in wanted and is_on:
            shown[kind] = ramp.off(now)
    people = frozenset(p.participant for p in view.participants if p.present())
    joined = manner.text_on_join and state.people is not None and bool(people - state.people)
    # A theme that was just put on may want it sooner, or not at all.
    due = min(state.due, now + manner.text_every) if manner.text_every else math.inf
    state = replace(state, shown=shown, people=people if view.running else None, due=due)
    if not wanted:
        return replace(state, due=math.inf)
    if came or joined:
        return _announced(state, manner, now)
    if now >= state.due:
        # The mix may have slept: what is on now counts from when it was due last.
        return _announced(state, manner, now - (now - state.due) % manner.text_every)
    return state


def _announced(state: State, manner: Manner, at: float) -> State:
    """The texts come out now, or stay out for as long as if they did."""
    until = at + manner.slide_for + manner.text_for
    due = at + manner.text_every if manner.text_every else math.inf
    return replace(state, text=state.text.on(at, until, manner.slide_for), due=due)


def facts(view: ConferenceView) -> tuple[IndicatorKind, ...]:
    """What is to be shown of a conference, most important first."""
    if not view.running:
        return ()
    transforms = view.transforms
    on: dict[IndicatorKind, bool | None] = {
        "streaming": view.streaming_indicator and not view.public_streaming,
        "public_streaming": view.streaming_indicator and view.public_streaming,
        "recording": view.recording_indicator,
        "transcribing": view.transcribing_indicator,
        "live_captions": transforms.live_captions_indicator,
        "ai_enabled": transforms.ai_enabled_indicator,
        "external_media_processing": transforms.external_media_processing_indicator,
    }
    return tuple(kind for kind in KINDS if on[kind])


def in_feed(view: ConferenceView, feed: FeedSpec) -> bool:
    """Whether a feed has indicators. A presentation by itself is the presenter's picture alone."""
    if feed.content == "presentation":
        return False
    streaming = view.transforms.streaming
    return not (feed.streaming and streaming and streaming.indicators_enabled is False)


def indicators(state: State, look: Look, now: float) -> tuple[Indicator, ...]:
    """What is seen; equal from one picture to the next while nothing moves."""
    manner = look.manner
    if not manner.enabled:
        return ()
    out = eased(state.text.at(now, manner.slide_for))
    found = []
    for kind in KINDS:
        ramp, badge = state.shown.get(kind), look.badges.get(kind)
        if ramp is None or badge is None or not badge.enabled:
            continue
        if on := ramp.at(now, manner.fade_for):
            room, opacity = eased(min(2 * on, 1.0)), eased(max(2 * on - 1, 0.0))
            found.append(Indicator(kind, out if badge.text else 0.0, room, opacity))
    return tuple(found)


def eased(part: float) -> float:
    """Begins and ends slowly."""
    return part * part * (3 - 2 * part)
