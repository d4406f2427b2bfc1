"""What facts mean, and what to do about them. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from statistics import median

from cli import reach
from cli.cluster.facts import Facts, Heard
from cli.doctor import Finding
from proto.access import SERVICES

LAG = 100
"""Messages that a consumer may be behind: it works through hundreds a second."""

SKEW = 1.0
"""Seconds between two clocks from which times in history and logs no longer fit together."""

LITTLE = 0.1
"""Part of a disk below which it is nearly full."""

LEAST = 500_000_000
"""Bytes of a disk below which recordings end."""

SLOW = 0.05
"""Seconds of a round trip to NATS from which every command is felt."""

SEAL = frozenset({"routing", "mixer", "rtmp_egress", "gateway", "webhooks"})
"""Services that open or seal addresses, or what they sign with."""

OLDER = "a version that does not say who it is, older than this one"


def judge(facts: Facts) -> Iterator[Finding]:
    yield _server(facts)
    yield from _jetstream(facts)
    yield from _users(facts)
    yield from _services(facts)
    yield _versions(facts)
    yield _clocks(facts)
    yield from _keys(facts)
    yield from _workers(facts)
    yield from _browsers(facts)
    yield from _consumers(facts)
    yield from _disks(facts)


def _server(facts: Facts) -> Finding:
    server = facts.server
    detail = f"nats-server {server.version}, {server.round_trip * 1000:.1f} ms away"
    remedy = "put NATS nearer to the services, or look for what keeps it busy"
    return Finding("NATS", server.round_trip < SLOW, detail, remedy, needed=False)


def _jetstream(facts: Facts) -> Iterator[Finding]:
    if facts.store is None:
        remedy = "start nats-server with JetStream and a disk; see deploy/nats/nats.conf"
        yield Finding("JetStream", False, "does not answer", remedy)
        return
    used, most = facts.store.used, facts.store.most
    if most is None:
        detail = f"{_size(used)} used; how much there is, is told with --monitor URL"
        yield Finding("JetStream", True, detail)
    else:
        remedy = "keep less (ROSTRUM_EVENTS_KEEP_DAYS), or give it more disk"
        detail = f"{_size(used)} of {_size(most)} used"
        yield Finding("JetStream", used < most * (1 - LITTLE), detail, remedy)
    remedy = "run `python -m kit.provision` as user `provision`: an upgrade may bring new ones"
    there = "all are there" if not facts.missing else f"missing: {', '.join(facts.missing)}"
    yield Finding("streams", not facts.missing, there, remedy)
    remedy = "`rostrum parked list` says why; `rostrum parked return` has them handled after all"
    by = ", ".join(f"{count} of {durable}" for durable, count in sorted(facts.parked.items()))
    detail = f"{sum(facts.parked.values())} messages that nobody could handle"
    detail += f": {by}" if by else ""
    yield Finding("parked", not facts.parked, detail, remedy, needed=False)


def _users(facts: Facts) -> Iterator[Finding]:
    if facts.users is None:
        remedy = "--passwords DIR: as deploy/secrets.sh makes them, or `passwords` of `rostrum up`"
        yield Finding("users", False, "were not tried", remedy, needed=False)
        return
    open_to_all = [user for user in facts.users if len(user.exceeds) > 1]
    if len(open_to_all) == len(facts.users) and len(open_to_all) > 1:
        remedy = "start nats-server with the users of deploy/nats/nats.conf"
        yield Finding("users", False, "everybody may do everything", remedy, needed=False)
        return
    for user in facts.users:
        what = f"user {user.name}"
        if user.state == "no-password":
            yield Finding(what, False, "no password was found", "sh deploy/secrets.sh DIR")
        elif user.state == "refused":
            remedy = "the server has another password, or another nats.conf; load both anew"
            yield Finding(what, False, "NATS does not let it in", remedy)
        elif user.lacks:
            remedy = "load this version's deploy/nats/nats.conf into nats-server (SIGHUP)"
            yield Finding(what, False, f"may not use {', '.join(user.lacks)}", remedy)
        elif user.exceeds:
            remedy = "the server has another nats.conf than this version's; load it anew"
            detail = f"may use {', '.join(user.exceeds)}, which it does not need"
            yield Finding(what, False, detail, remedy, needed=False)
        else:
            yield Finding(what, True, "may do what it must, and no more")


def _services(facts: Facts) -> Iterator[Finding]:
    heard: dict[str, list[Heard]] = defaultdict(list)
    for one in facts.heard:
        heard[one.presence.service].append(one)
    for service in SERVICES:
        what = service.replace("_", "-")
        if replicas := heard.get(service):
            counts = Counter(_version(one) for one in replicas)
            told = ", ".join(f"{count} x {version}" for version, count in sorted(counts.items()))
            yield Finding(what, True, told)
        elif any(one.service == service and one.waiting for one in facts.consumers) or any(
            service == ("mixer" if worker.kind == "mixer" else "rtmp_egress")
            for worker in facts.workers
        ):
            yield Finding(what, False, OLDER, "go on with the upgrade", needed=False)
        else:
            remedy = "start it, or look at its log: it says `nats refused` or `waiting for nats`"
            yield Finding(what, False, "nobody answers", remedy)


def _versions(facts: Facts) -> Finding:
    found = sorted({_version(one) for one in facts.heard})
    detail = ", ".join(found) or "nobody says"
    remedy = "mixed versions work together, but only for as long as an upgrade takes; finish it"
    return Finding("versions", len(found) <= 1, detail, remedy, needed=False)


def _version(one: Heard) -> str:
    presence = one.presence
    return f"{presence.version} ({presence.build})" if presence.build else presence.version


def _clocks(facts: Facts) -> Finding:
    if not facts.heard:
        return Finding("clocks", True, "nobody to compare", needed=False)
    middle = median(one.skew for one in facts.heard)
    wrong = {
        one.presence.instance: one.skew - middle
        for one in facts.heard
        if abs(one.skew - middle) - one.within > SKEW
    }
    if wrong:
        told = ", ".join(f"{name} {skew:+.1f} s" for name, skew in sorted(wrong.items()))
        remedy = "let all machines follow the same time servers (chrony, systemd-timesyncd)"
        return Finding("clocks", False, f"differ from the others: {told}", remedy)
    within = max(abs(one.skew - middle) for one in facts.heard)
    ours = f"; this machine's is {-middle:+.1f} s from them" if abs(middle) > SKEW else ""
    return Finding("clocks", True, f"within {max(within, 0.001):.3f} s of each other{ours}")


def _keys(facts: Facts) -> Iterator[Finding]:
    by_key: dict[str, set[str]] = defaultdict(set)
    for one in facts.heard:
        if one.presence.service in SEAL:
            by_key[one.presence.key or "none"].add(one.presence.service)
    if by_key:
        told = "; ".join(f"{key}: {', '.join(sorted(who))}" for key, who in sorted(by_key.items()))
        remedy = "give all of them the same ROSTRUM_SECRET_KEY_FILE"
        yield Finding("sealing key", set(by_key) != {"none"} and len(by_key) == 1, told, remedy)
    if facts.opens is not None:
        remedy = "find the key of this installation's Secret, or restore with it"
        detail = "opens what is stored" if facts.opens else "does not open what is stored"
        yield Finding("key given", facts.opens, detail, remedy)


def _workers(facts: Facts) -> Iterator[Finding]:
    for kind in ("mixer", "egress"):
        workers = [worker for worker in facts.workers if worker.kind == kind]
        fit = [worker for worker in workers if not worker.draining and worker.capacity]
        free = sum(max(0, worker.capacity - worker.used) for worker in fit)
        draining = sum(worker.draining for worker in workers)
        detail = f"{len(workers)}, {draining} of them leaving; {free} places free"
        remedy = f"start more {kind} workers, or raise their capacity"
        yield Finding(f"{kind} workers", bool(fit), detail, remedy)
        if fit:
            yield Finding(f"{kind} places", free > 0, f"{free} free", remedy, needed=False)
    for worker in facts.workers:
        if worker.kind == "egress":
            remedy = (
                "see `rostrum doctor` on that machine; ROSTRUM_EGRESS_SOFTWARE lets it use x264"
            )
            encoders = ", ".join(worker.encoders) or "no encoder works"
            detail = f"{worker.used} of {worker.capacity}, in {worker.location}: {encoders}"
            yield Finding(worker.worker, bool(worker.encoders), detail, remedy)
    where = {worker.location for worker in facts.workers if worker.kind == "egress"}
    for place in facts.places:
        remedy = "start workers with that ROSTRUM_LOCATION, or change what names it"
        if place.name not in where:
            detail = f"no egress worker is there; {place.named_by} names it"
            yield Finding(f"location {place.name}", False, detail, remedy)


def _browsers(facts: Facts) -> Iterator[Finding]:
    for one in facts.heard:
        if one.presence.reach is not None:
            yield reach.of_mixer(f"browsers of {one.presence.instance}", one.presence.reach)
    for url, seen in facts.relays.items():
        yield reach.of_relay(url, seen)


def _consumers(facts: Facts) -> Iterator[Finding]:
    for one in facts.consumers:
        what = f"{one.durable} of {one.stream}"
        remedy = f"look at the log of {one.service.replace('_', '-')}, and give it more CPU"
        if not one.there:
            yield Finding(what, False, "is not there", f"start {one.service.replace('_', '-')}")
        elif one.pending > LAG:
            yield Finding(what, False, f"{one.pending} messages behind", remedy)
    behind = max((one.pending for one in facts.consumers if one.there), default=0)
    if all(one.there and one.pending <= LAG for one in facts.consumers):
        yield Finding("consumers", True, f"at most {behind} messages behind")


def _disks(facts: Facts) -> Iterator[Finding]:
    for one in facts.heard:
        for disk in one.presence.disks:
            remedy = "make room, or keep less (ROSTRUM_RECORDINGS_KEEP_DAYS, …_KEEP_GB)"
            enough = disk.free > max(LEAST, disk.total * LITTLE)
            detail = f"{_size(disk.free)} of {_size(disk.total)} free"
            what = f"{disk.what} of {one.presence.instance}"
            yield Finding(what, enough, detail, remedy, needed=disk.free <= LEAST)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
