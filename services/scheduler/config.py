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
    docker_socket: str = ""
    "Of the Docker engine on which egress containers are started and stopped; empty: none are."
    installation: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_-]*$")] = ""
    "What their label says; empty: the compose project that our own container is of."
    docker_most: Annotated[int, msgspec.Meta(ge=0, le=100)] = 4
    "Containers started by us at most."
    docker_spare: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 2
    "Sessions for which there should always be room: a container needs seconds to start."
    docker_cool_down: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 120.0
    "Seconds of idleness after which a container is stopped."
