"""Settings of conference_state."""

from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    """Only what every service has."""
