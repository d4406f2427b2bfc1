"""What can be seen of a cluster from its bus."""

from datetime import datetime
from typing import Literal

import msgspec

from proto.presence import Presence
from proto.views import WorkerView


class Server(msgspec.Struct, frozen=True):
    version: str
    round_trip: float
    "Seconds."


class Store(msgspec.Struct, frozen=True):
    """JetStream's disk."""

    used: int
    most: int | None = None
    "Bytes that it may use; None: nobody says."


class Consumer(msgspec.Struct, frozen=True):
    """One that outlives a process."""

    stream: str
    durable: str
    service: str
    pending: int = 0
    "Messages that nobody has been given yet."
    waiting: int = 0
    "Requests for the next message: somebody is there."
    there: bool = True


class User(msgspec.Struct, frozen=True):
    """One user of the bus, tried with its own password."""

    name: str
    state: Literal["fine", "no-password", "refused"] = "fine"
    lacks: list[str] = []
    "Subjects that it needs and may not use."
    exceeds: list[str] = []
    "Subjects that it may use and does not need."


class Heard(msgspec.Struct, frozen=True):
    """A process that answered."""

    presence: Presence
    skew: float
    "Seconds that its clock is ahead of ours."
    within: float
    "Seconds by which that may be wrong."


class Place(msgspec.Struct, frozen=True):
    """A location that the configuration names."""

    name: str
    named_by: str


class Facts(msgspec.Struct, frozen=True):
    at: datetime
    server: Server
    store: Store | None = None
    "None: JetStream does not answer."
    missing: list[str] = []
    "Streams and buckets that are not there."
    parked: dict[str, int] = {}
    "Messages that nobody could handle, by the consumer that parked them."
    consumers: list[Consumer] = []
    users: list[User] | None = None
    "None: nobody gave their passwords."
    heard: list[Heard] = []
    workers: list[WorkerView] = []
    places: list[Place] = []
    opens: bool | None = None
    "Whether the key that was given opens what is sealed; None: that was not tried."
    relays: dict[str, str | None] = {}
    "As which address each of the gateways' relays sees us; None: it does not answer."
