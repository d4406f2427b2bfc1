"""How many workers there should be, and which go. Pure."""

from collections.abc import Collection, Sequence

import msgspec


class Limits(msgspec.Struct, frozen=True):
    most: int = 4
    "Containers of ours at most."
    spare: int = 2
    "Free slots that there should always be: a container takes seconds to start."
    cool_down: float = 120.0
    "Seconds that a worker must have been idle before it is stopped: calls come in swarms."
    start_patience: float = 60.0
    "Seconds for a container to become a worker; then it is taken for broken."


class Container(msgspec.Struct, frozen=True):
    """One that carries our label."""

    ident: str
    worker: str
    "Name of the worker in it."
    age: float
    "Seconds since it was created."
    running: bool = True


class Worker(msgspec.Struct, frozen=True):
    """An egress worker that is alive, in a container of ours or not."""

    name: str
    capacity: int
    used: int

    @property
    def free(self) -> int:
        return max(0, self.capacity - self.used)


class Start(msgspec.Struct, frozen=True):
    """One more."""


class Stop(msgspec.Struct, frozen=True):
    ident: str
    reason: str


Action = Start | Stop


class Idle(msgspec.Struct, frozen=True):
    """Since when each of our workers has had nothing to do, by name; lost with us, to no harm."""

    since: dict[str, float] = {}


def observe(idle: Idle, workers: Collection[Worker], now: float) -> Idle:
    return Idle({w.name: idle.since.get(w.name, now) for w in workers if w.used == 0})


def decide(
    limits: Limits,
    containers: Sequence[Container],
    workers: Collection[Worker],
    unassigned: int,
    idle: Idle,
    now: float,
) -> list[Action]:
    """`unassigned`: sessions that wait for a worker."""
    alive = {worker.name: worker for worker in workers}
    broken = [
        Stop(one.ident, "ended" if not one.running else "never became a worker")
        for one in containers
        if not one.running or (one.worker not in alive and one.age > limits.start_patience)
    ]
    gone = {stop.ident for stop in broken}
    ours = [one for one in containers if one.ident not in gone]
    usual = max((worker.capacity for worker in workers), default=1)
    coming = sum(usual for one in ours if one.worker not in alive)
    free = sum(worker.free for worker in workers) + coming
    wanted = unassigned + limits.spare
    if free < wanted:
        more = -(-(wanted - free) // max(1, usual))
        return [*broken, *[Start()] * min(more, limits.most - len(ours))]
    return [*broken, *_unneeded(limits, ours, alive, free - wanted, idle, now)]


def _unneeded(
    limits: Limits,
    ours: Sequence[Container],
    alive: dict[str, Worker],
    surplus: int,
    idle: Idle,
    now: float,
) -> list[Action]:
    """The newest that has been idle for long, if the others have room enough; one at a time."""
    for one in sorted(ours, key=lambda container: container.age):
        worker = alive.get(one.worker)
        since = idle.since.get(one.worker)
        if worker is None or worker.used or since is None or now - since < limits.cool_down:
            continue
        if worker.free <= surplus:
            return [Stop(one.ident, "idle")]
    return []
