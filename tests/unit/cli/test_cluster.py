"""What is found out about a cluster, and what is said about it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cli.cluster.facts import Consumer, Facts, Heard, Place, Server, Store, User
from cli.cluster.judge import SEAL, judge
from cli.doctor import Finding, tell
from proto.access import SERVICES
from proto.presence import Disk, Presence, Reach
from proto.views import WorkerView

AT = datetime(2026, 11, 26, tzinfo=UTC)
DISK = Disk("recordings", 500_000_000_000, 1_000_000_000_000)


def heard(service: str, *, skew: float = 0.0, **more: Any) -> Heard:
    key = "5ea1" if service in SEAL else ""
    said = {"version": "0.1.0", "at": AT, "key": key, "disks": [DISK], **more}
    return Heard(Presence(service, f"{service}-1", **said), skew, 0.005)


WELL = Facts(
    AT,
    Server("2.9.10", 0.001),
    Store(1_000_000, 10_000_000_000),
    consumers=[Consumer("CONFERENCE", "routing", "routing", 0, 1)],
    users=[User("gateway"), User("routing")],
    heard=[heard(service) for service in SERVICES],
    workers=[
        WorkerView("mixer-1", "mixer", "default", "here", 3, 1),
        WorkerView("egress-1", "egress", "default", "here", 6, 1, encoders=["libx264"]),
    ],
    places=[Place("default", "rule “Streaming”")],
    opens=True,
    relays={"turn:turn.example:3478": "192.0.2.1"},
)


def but(service: str, **more: Any) -> dict[str, Any]:
    """All as it should be, but for one service."""
    return {"heard": [heard(one, **(more if one == service else {})) for one in SERVICES]}


def without(service: str) -> list[Heard]:
    return [heard(one) for one in SERVICES if one != service]


def bad(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.what: finding for finding in findings if not finding.fine}


def test_a_cluster_that_is_well_has_nothing_against_it() -> None:
    assert bad(list(judge(WELL))) == {}


WRONG: list[tuple[dict[str, Any], str, str, bool]] = [
    ({"server": Server("2.9.10", 0.2)}, "NATS", "200.0 ms", False),
    ({"store": None}, "JetStream", "does not answer", True),
    ({"store": Store(95, 100)}, "JetStream", "used", True),
    ({"missing": ["KV_recordings"]}, "streams", "KV_recordings", True),
    ({"parked": {"routing": 1, "scheduler": 2}}, "parked", "3 messages that nobody", False),
    ({"parked": {"routing": 1, "scheduler": 2}}, "parked", "1 of routing, 2 of sched", False),
    ({"users": None}, "users", "not tried", False),
    ({"users": [User("a", exceeds=["x", "y"])] * 2}, "users", "everybody", False),
    ({"users": [User("gateway", "no-password")]}, "user gateway", "no password", True),
    ({"users": [User("gateway", "refused")]}, "user gateway", "not let it in", True),
    ({"users": [User("gateway", lacks=["$JS.x"])]}, "user gateway", "$JS.x", True),
    ({"users": [User("gateway", exceeds=["$JS.x"])]}, "user gateway", "does not need", False),
    ({"heard": without("scheduler")}, "scheduler", "nobody answers", True),
    ({"heard": without("mixer")}, "mixer", "older than this one", False),
    ({"heard": without("routing")}, "routing", "older than this one", False),
    (but("mixer", version="0.0.9"), "versions", "0.0.9, 0.1.0", False),
    (but("mixer", build="4a87127"), "versions", "0.1.0 (4a87127)", False),
    (but("mixer", skew=90.0), "clocks", "mixer-1 +90.0 s", True),
    (but("mixer", key="0ther"), "sealing key", "0ther: mixer", True),
    (but("mixer", key=""), "sealing key", "none: mixer", True),
    ({"opens": False}, "key given", "does not open", True),
    ({"workers": WELL.workers[1:]}, "mixer workers", "0, 0 of them leaving", True),
    ({"places": [Place("Oslo", "rule “North”")]}, "location Oslo", "rule “North” names it", True),
    ({"consumers": [Consumer("MIXER", "m", "mixer", 5000)]}, "m of MIXER", "5000", True),
    (
        {"consumers": [Consumer("MIXER", "m", "mixer", there=False)]},
        "m of MIXER",
        "not there",
        True,
    ),
    (but("mixer", reach=Reach("", None, ["127.0.0.1"])), "browsers of mixer-1", "nobody", False),
    ({"relays": {"turn:t": None}}, "relay turn:t", "no answer", True),
    (but("mixer", disks=[Disk("d", 10, 100)]), "d of mixer-1", "0.0 MB of", True),
    (
        but("mixer", disks=[Disk("d", 9_000_000_000, 10**12)]),
        "d of mixer-1",
        "9.0 GB of 1000.0 GB free",
        False,
    ),
]


@pytest.mark.parametrize(
    ("change", "what", "said", "needed"), WRONG, ids=[f"{w[1]}: {w[2]}" for w in WRONG]
)
def test_what_is_wrong_is_said_with_what_to_do(
    change: dict[str, Any], what: str, said: str, needed: bool
) -> None:
    found = bad(list(judge(msgspec.structs.replace(WELL, **change))))

    assert set(found) == {what}
    assert said in found[what].detail
    assert found[what].remedy
    assert found[what].needed == needed


def test_workers_that_leave_or_cannot_encode_are_told() -> None:
    leaving = msgspec.structs.replace(WELL.workers[1], draining=True, encoders=[])
    found = bad(list(judge(msgspec.structs.replace(WELL, workers=[WELL.workers[0], leaving]))))

    assert set(found) == {"egress workers", "egress-1"}


def test_a_clock_of_ours_that_is_wrong_is_nobody_elses_fault() -> None:
    late = [heard(service, skew=3600.0) for service in SERVICES]
    [clocks] = [
        one for one in judge(msgspec.structs.replace(WELL, heard=late)) if one.what == "clocks"
    ]

    assert clocks.fine
    assert "-3600.0 s" in clocks.detail


def test_programs_are_told_by_exit_code_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    some = [Finding("a", True, "fine"), Finding("b", False, "odd", "look", needed=False)]

    assert tell(some, as_json=True, wrong="wrong") == 0
    assert msgspec.json.decode(capsys.readouterr().out)["fine"] is True
    assert tell([*some, Finding("c", False, "bad", "mend it")], wrong="wrong") == 1
    assert "WRONG    c  bad" in (said := capsys.readouterr().out)
    assert "→ mend it" in said
