"""Settings of conference_state."""

from typing import Annotated

import msgspec

from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    replay: bool = False
    "What is recorded is decided again, by the log's clock: no timer goes off by ours."
    gateway_calls_kept: Annotated[float, msgspec.Meta(ge=0, le=604_800)] = 3600.0
    "Seconds that a gateway call is shown after its end; its history and its log stay."
