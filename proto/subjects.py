"""Every NATS name, and nothing else. A subject reads `<family>.<commands|events>.<conference>`."""

from typing import Literal

Family = Literal["conference", "routing", "scheduler", "egress", "mixer"]
FAMILIES: tuple[Family, ...] = ("conference", "routing", "scheduler", "egress", "mixer")

CONFERENCE_COMMANDS = "conference.commands.*"

ROUTING_TRIALS = "routing.trials"
"""Asked of any one replica of routing: what the rules would make of a call."""

ROUTING_CALLS = "routing.calls"
"""Asked of any one replica of routing: where a call to us goes."""

PINGS = "services.pings"
"""Asked of every process of every service: who they are."""


def gateway_call(ident: str) -> str:
    """The key of a gateway call. No conference's key has an underscore."""
    return f"call_{ident}"


def is_gateway_call(conference: str) -> bool:
    return conference.startswith("call_")


def stream(family: Family) -> str:
    """The JetStream stream of a family is the family in capitals."""
    return family.upper()


def events(family: Family, conference: str = "*") -> str:
    return f"{family}.events.{conference}"


def conference_commands(conference: str) -> str:
    return f"conference.commands.{conference}"


def bids(kind: Literal["mixer", "egress"]) -> str:
    """Scattered to every worker of a kind; each answers for itself."""
    return f"{kind}.bids"


def drains(worker: str) -> str:
    """Asked of that worker: to take no new work, and to end when it has none."""
    return f"workers.drains.{worker}"


def dead_letters(durable: str) -> str:
    """Where messages that nobody can handle are parked; stream `PARKED`."""
    return f"parked.{durable}"


def returns(family: Family, durable: str) -> str:
    """Asked of any one replica of that consumer: to handle after all what it has parked."""
    return f"returns.{family}.{durable}"


WEBHOOK_STREAM = "WEBHOOKS"
"What event sinks are told, for as long as it may still be delivered."
WEBHOOK_COMMANDS = "webhooks.commands.*"


def webhook_notices(conference: str = "*") -> str:
    """What there is to tell of one conference, in order."""
    return f"webhooks.notices.{conference}"


def webhook_commands(sink: int) -> str:
    """Asked of any one replica of webhooks, about an event sink."""
    return f"webhooks.commands.{sink}"


SINKS = "event_sinks"
"""Stands for a conference where sinks are told of another sink; no conference has this key."""

PARKED_STREAM = "PARKED"
PARKED = "parked.*"

CONFIG = "config"
"KV: one key per configured resource, `<resource>.<id>`."
CONFERENCES = "conferences"
"KV: one view per conference."
WORKERS_TTL = 10.0
"Seconds after which the heartbeat of a worker is forgotten."
WORKERS = "workers"
"KV with a TTL: heartbeats of media workers."
FEEDS = "feeds"
"KV: where the feeds of a conference can be taken."
THEMES = "themes"
"Object store: packages of themes, by the hash of what is in them."
SECRETS = "secrets"
"KV: sealed URLs."
RECORDINGS = "recordings"
"KV: what was recorded, `<participant>` or `<participant>.presentation`."
WEBHOOKS = "webhooks"
"KV: how far each event sink is, `sink.<id>`; what was told of what; live replicas."
SEATS = "seats"
"KV: until when the token of somebody who is here by their browser holds, `<conference>.<who>`."
BUCKETS = (CONFIG, CONFERENCES, WORKERS, FEEDS, SECRETS, RECORDINGS, WEBHOOKS, SEATS)
"Every KV bucket."


def inbox(user: str) -> str:
    """Where a user of the bus hears answers; nobody else may listen there."""
    return f"_INBOX_{user}"


def replay_stage(conference: str) -> str:
    """Recorded stage events, for a mixer that replays instead of listening."""
    return f"mixer.replay.{conference}"


REPLAY_CLOCK = "conference.replay"
"""What time it is in the log, for a conference_state that decides it again."""

STAGE_LEVELS = "mixer.levels.*"


def stage_levels(conference: str) -> str:
    """How loud everybody is, for whoever listens just now; in no stream."""
    return f"mixer.levels.{conference}"


def snapshots(worker: str) -> str:
    """Asked of the mixer worker that offers the conference's feeds."""
    return f"mixer.snapshots.{worker}"


def calls(worker: str) -> str:
    """Asked of the mixer worker that offers the conference's feeds: about a person's call."""
    return f"mixer.calls.{worker}"
