"""Settings of conference_state."""

from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    replay: bool = False
    "What is recorded is played again: timers stand still, because they have gone off already."
