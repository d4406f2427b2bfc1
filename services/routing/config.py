"""Settings of routing."""

from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    """Only what every service has, and the secret key (see kit.secrets)."""
