"""Who may say and hear what on NATS: one user per service, with what it needs and no more.

`kit.provision` makes streams and buckets with the user `provision`; services only use them.
Answers come to an inbox of the user's own; who answers may reply to what was asked, and no more.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from proto import subjects
from proto.subjects import (
    BUCKETS,
    CONFERENCES,
    CONFIG,
    FAMILIES,
    FEEDS,
    PARKED_STREAM,
    RECORDINGS,
    SEATS,
    SECRETS,
    THEMES,
    WEBHOOK_STREAM,
    WEBHOOKS,
    WORKERS,
    Family,
)

API = "$JS.API"

Service = Literal[
    "conference_state", "routing", "scheduler", "mixer", "rtmp_egress", "gateway", "webhooks"
]

DURABLES: dict[Family, dict[str, Service]] = {
    "conference": {
        "conference-state-views": "conference_state",
        "routing": "routing",
        "scheduler": "scheduler",
        "webhooks": "webhooks",
    },
    "routing": {"conference-state": "conference_state", "scheduler": "scheduler"},
    "scheduler": {"conference-state": "conference_state"},
    "egress": {"conference-state": "conference_state", "scheduler": "scheduler"},
    "mixer": {},
}
"""Consumers that outlive a process, and whose they are: nobody else takes from them."""


class Rights(msgspec.Struct, frozen=True):
    """Of one user."""

    publish: tuple[str, ...] = ()
    deny_publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    answers: bool = False
    "It may reply to what it is asked."


def reads(stream: str) -> tuple[str, ...]:
    """Follow and load a stream, with consumers that go with the reader."""
    return (
        f"{API}.STREAM.INFO.{stream}",
        f"{API}.STREAM.MSG.GET.{stream}",
        f"{API}.DIRECT.GET.{stream}.>",
        f"{API}.CONSUMER.CREATE.{stream}.>",
        f"{API}.CONSUMER.INFO.{stream}.*",
        f"{API}.CONSUMER.MSG.NEXT.{stream}.*",
        f"{API}.CONSUMER.DELETE.{stream}.*",
    )


def follows(*families: Family) -> tuple[str, ...]:
    return tuple(right for family in families for right in reads(subjects.stream(family)))


def knows(*families: Family) -> tuple[str, ...]:
    """See that the stream is there."""
    return tuple(f"{API}.STREAM.INFO.{subjects.stream(family)}" for family in families)


def watches(*buckets: str) -> tuple[str, ...]:
    return tuple(right for bucket in buckets for right in reads(f"KV_{bucket}"))


def writes(bucket: str, keys: str = ">") -> tuple[str, ...]:
    return (f"$KV.{bucket}.{keys}",)


def fetches(store: str) -> tuple[str, ...]:
    """Get objects out of an object store, whose client asks for the stream by its subjects."""
    return (
        *reads(f"OBJ_{store}"),
        f"{API}.STREAM.NAMES",
        f"{API}.CONSUMER.CREATE.OBJ_{store}",
        f"$JS.FC.OBJ_{store}.>",
    )


def stores(store: str) -> tuple[str, ...]:
    """Put objects into an object store, and replace them."""
    return (f"$O.{store}.>", f"{API}.STREAM.PURGE.OBJ_{store}")


def sweeps(*buckets: str) -> tuple[str, ...]:
    return tuple(f"{API}.STREAM.PURGE.KV_{bucket}" for bucket in buckets)


def takes(service: Service) -> tuple[str, ...]:
    """Work through its durable consumers, and park what it cannot handle."""
    own = [
        (subjects.stream(family), durable)
        for family, durables in DURABLES.items()
        for durable, whose in durables.items()
        if whose == service
    ]
    rights = [right for stream, _ in own for right in reads(stream)]
    rights += [f"$JS.ACK.{stream}.{durable}.>" for stream, durable in own]
    rights += sorted({subjects.dead_letters(durable) for _, durable in own})
    return (*rights, f"{API}.STREAM.INFO.{PARKED_STREAM}")


def returns(service: Service | None = None) -> tuple[str, ...]:
    """What its consumers have parked is given back to it; without a service: to all of them."""
    return tuple(
        subjects.returns(family, durable)
        for family, durables in DURABLES.items()
        for durable, whose in durables.items()
        if service in (None, whose)
    )


def not_of(service: Service | None) -> tuple[str, ...]:
    """The durable consumers of others are theirs: no taking from them, no deleting."""
    return tuple(
        denied
        for family, durables in DURABLES.items()
        for durable, whose in durables.items()
        if whose != service
        for denied in (
            f"{API}.CONSUMER.CREATE.{subjects.stream(family)}.{durable}.>",
            f"{API}.CONSUMER.MSG.NEXT.{subjects.stream(family)}.{durable}",
            f"{API}.CONSUMER.DELETE.{subjects.stream(family)}.{durable}",
        )
    )


def backs_up(*streams: str) -> tuple[str, ...]:
    """Take a stream as it is, consumers and all, and put one in its place."""
    return (
        *(
            f"{API}.STREAM.{verb}.{stream}"
            for stream in streams
            for verb in ("SNAPSHOT", "RESTORE", "DELETE")
        ),
        "$JS.SNAPSHOT.RESTORE.>",
        "$JS.SNAPSHOT.ACK.>",
    )


def _service(service: Service, *publish: Iterable[str], hears: tuple[str, ...] = ()) -> Rights:
    """Every one says who it is when it is asked."""
    allowed = dict.fromkeys(right for some in publish for right in some)
    allowed |= dict.fromkeys(knows(*FAMILIES))
    heard = (f"{subjects.inbox(service)}.>", subjects.PINGS, *hears, *returns(service))
    return Rights(tuple(allowed), not_of(service), heard, True)


SERVICES: dict[Service, Rights] = {
    "conference_state": _service(
        "conference_state",
        takes("conference_state"),
        (subjects.events("conference"),),
        watches(CONFERENCES, CONFIG, FEEDS, SECRETS),
        writes(CONFERENCES),
        writes(SECRETS),
        sweeps(CONFERENCES, FEEDS, SECRETS),
        hears=(subjects.CONFERENCE_COMMANDS, subjects.REPLAY_CLOCK),
    ),
    "routing": _service(
        "routing",
        takes("routing"),
        (subjects.events("routing"),),
        follows("routing"),
        watches(CONFIG, SECRETS),
        writes(SECRETS),
        hears=(subjects.ROUTING_TRIALS, subjects.ROUTING_CALLS),
    ),
    "scheduler": _service(
        "scheduler",
        takes("scheduler"),
        (subjects.events("scheduler"), subjects.bids("mixer"), subjects.bids("egress")),
        follows("scheduler"),
        watches(CONFERENCES, CONFIG, WORKERS),
    ),
    "mixer": _service(
        "mixer",
        (subjects.events("mixer"), subjects.stage_levels("*")),
        follows("scheduler"),
        watches(CONFERENCES, FEEDS, SECRETS, WORKERS),
        writes(FEEDS),
        fetches(THEMES),
        writes(WORKERS, "mixer.*"),
        hears=(
            subjects.bids("mixer"),
            subjects.drains("*"),
            subjects.replay_stage("*"),
            subjects.snapshots("*"),
            subjects.calls("*"),
        ),
    ),
    "rtmp_egress": _service(
        "rtmp_egress",
        (subjects.events("egress"),),
        follows("scheduler"),
        watches(CONFERENCES, FEEDS, RECORDINGS, SECRETS, WORKERS),
        writes(RECORDINGS),
        writes(WORKERS, "egress.*"),
        hears=(subjects.bids("egress"), subjects.drains("*")),
    ),
    "gateway": _service(
        "gateway",
        (
            subjects.CONFERENCE_COMMANDS,
            subjects.ROUTING_TRIALS,
            subjects.ROUTING_CALLS,
            subjects.snapshots("*"),
            subjects.calls("*"),
            subjects.drains("*"),
            subjects.WEBHOOK_COMMANDS,
        ),
        returns(),
        follows(*FAMILIES),
        (
            f"{API}.STREAM.INFO.{PARKED_STREAM}",
            f"{API}.STREAM.MSG.GET.{PARKED_STREAM}",
            f"{API}.STREAM.MSG.DELETE.{PARKED_STREAM}",
        ),
        watches(CONFERENCES, CONFIG, FEEDS, RECORDINGS, SEATS, SECRETS, WORKERS, WEBHOOKS),
        writes(CONFIG),
        writes(SEATS),
        sweeps(SEATS),
        writes(SECRETS),
        writes(RECORDINGS),
        fetches(THEMES),
        stores(THEMES),
        hears=(subjects.stage_levels("*"),),
    ),
    "webhooks": _service(
        "webhooks",
        takes("webhooks"),
        reads(WEBHOOK_STREAM),
        (subjects.webhook_notices(),),
        watches(CONFIG, RECORDINGS, WEBHOOKS),
        writes(WEBHOOKS),
        sweeps(WEBHOOKS),
        hears=(subjects.WEBHOOK_COMMANDS,),
    ),
}

PROVISION = Rights(
    publish=tuple(
        f"{API}.STREAM.{verb}.{stream}"
        for stream in (
            *map(subjects.stream, FAMILIES),
            *(f"KV_{bucket}" for bucket in BUCKETS),
            f"OBJ_{THEMES}",
            PARKED_STREAM,
            WEBHOOK_STREAM,
        )
        for verb in ("INFO", "CREATE", "UPDATE")
    ),
    subscribe=(f"{subjects.inbox('provision')}.>",),
)
"""Makes what is not there, and sees to how long it is kept; reads nothing."""

OPERATOR = Rights(
    publish=(
        f"{API}.INFO",
        subjects.PINGS,
        *follows(*FAMILIES),
        *watches(*BUCKETS),
        *fetches(THEMES),
        *stores(THEMES),
        *(
            right
            for bucket in (CONFIG, CONFERENCES, RECORDINGS, SECRETS)
            for right in writes(bucket)
        ),
        *reads(PARKED_STREAM),
        *backs_up(*map(subjects.stream, FAMILIES)),
    ),
    deny_publish=not_of(None),
    subscribe=(f"{subjects.inbox('operator')}.>",),
)
"""A person with `rostrum backup`, `restore` and `doctor --cluster`: all data, and no command."""

USERS: dict[str, Rights] = {
    "provision": PROVISION,
    "operator": OPERATOR,
    **{str(s): r for s, r in SERVICES.items()},
}
