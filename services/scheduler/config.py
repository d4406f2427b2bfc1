"""Settings of scheduler."""

from typing import Annotated, Literal

import msgspec

from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    encoder_quality: Literal["default", "quality", "low_latency"] = "default"
    "Speed of the software encoder that sessions ask for."
    encoder: str = "auto"
    "`auto`, or the one encoder that sessions must use."
    bid_patience: Annotated[float, msgspec.Meta(gt=0, le=5)] = 0.15
    "Seconds that workers have to answer a bid."
    worker_silence: Annotated[float, msgspec.Meta(gt=0, le=60)] = 2.0
    "Seconds without a heartbeat after which a worker is taken for lost; two come every second."
