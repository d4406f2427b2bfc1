"""What handlers of the client API are given, by the parameter's name."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from litestar.di import NamedDependency

from services.gateway.client_api.desk import Desk
from services.gateway.client_api.media import MediaCalls
from services.gateway.core.throttle import Throttle


class Door(msgspec.Struct, frozen=True):
    """What letting people in takes."""

    throttle: Throttle
    new_id: Callable[[], str]
    clock: Callable[[], float]
    ways: Callable[[str], Sequence[Any]]
    "STUN and TURN servers for a participant."


TheDesk = NamedDependency[Desk]
TheDoor = NamedDependency[Door]
TheMedia = NamedDependency[MediaCalls]
