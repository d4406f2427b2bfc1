"""How long routing takes to decide among ten thousand rules, and what a command costs.

`python -m bench.routing` prints a table and one line of JSON; see docs/benchmarks.md.
"""

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.client import Client

from bench import commands
from bench.commands import LENGTHS, connected
from bench.common import closing_line, machine, middle, spread, table
from bench.rulebook import ALIASES, RULES, aliases, rules, textless
from cli.place import stack as stack_of
from cli.stack import running
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from kit.secrets import Sealer
from kit.vault import Vault
from proto import subjects
from proto.base import encode
from proto.conference import CallRequested
from proto.config import GatewayRoutingRule
from proto.routing import decode_commit
from services.routing.core.route import Route, route
from services.routing.core.table import Call, Table, prepare

LIMIT = 5.0
"""Milliseconds for one decision, in 99 of 100."""

ANSWERED = 20.0
"""Seconds for one call to be routed before the benchmark gives up."""

WARM = 20
"""Calls before the first that is measured."""

ALL = GatewayRoutingRule(
    "All", 1, ".*", 1, match_outgoing_calls=True, match_string_full=True, outgoing_protocol="rtmp"
)
"""One rule for everything: what a call costs where there is nothing to decide."""


class Spread(msgspec.Struct, frozen=True):
    """Times of one run, ms."""

    median: float
    p99: float
    worst: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Spread":
        ranked = sorted(seconds)
        picked = (ranked[len(ranked) // 2], ranked[int(len(ranked) * 0.99)], ranked[-1])
        return cls(*(value * 1000 for value in picked))


PARTS = ("decisions", "service", "commands")

Runs = dict[str, list[Spread]]


def decisions(made: Table, wanted: list[str]) -> tuple[Spread, int]:
    """CPU time of `route` alone, in this process; and how many aliases had a rule.

    A decision waits for nothing, so CPU time is what it takes, whatever else the machine does.
    """
    gc.collect()
    times, found = [], 0
    for alias in wanted:
        start = time.thread_time()
        outcome = route(made, Call(alias, location="Oslo"))
        times.append(time.thread_time() - start)
        found += isinstance(outcome, Route)
    return Spread.of(times), found


def alone(runs: Runs, count: int) -> dict[str, float]:
    """Decisions in this process, and what it takes to be ready for them."""
    known = rules()
    start = time.thread_time()
    ready = [prepare(rule) for rule in known]
    prepared = time.thread_time() - start
    start = time.thread_time()
    made = Table(ready)
    route(made, Call("nobody", location="Oslo"))
    ordered = time.thread_time() - start
    worst = Table(prepare(rule) for rule in textless())
    route(worst, Call("nobody", location="Oslo"))
    matched = 0
    for _ in range(count):
        spread_, matched = decisions(made, aliases())
        runs.setdefault("decision (CPU), 10,000 rules", []).append(spread_)
        spread_, _ = decisions(worst, aliases(200))
        runs.setdefault("decision (CPU), 10,000 textless rules", []).append(spread_)
    return {
        "prepare_ms_per_rule": prepared * 1000 / RULES,
        "first_decision_after_a_change_ms": ordered * 1000,
        "matched_of_1000": matched,
    }


async def steps(nc: Client, data: Path, wanted: list[str], conference: str) -> Spread:
    """From the stored request to routing's stored answer, in the running service."""
    js = nc.jetstream()
    logs = await JetStreamLog.ensure_all(js)
    sealer = Sealer.from_env({"ROSTRUM_SECRET_KEY_FILE": str(data / "secret.key")})
    vault = Vault(await Bucket.ensure(js, subjects.SECRETS), sealer)
    answers = await nc.subscribe(subjects.events("routing", conference))
    await nc.flush()
    times = []
    for n, alias in enumerate(wanted):
        who = f"{conference}-p{n}"
        sealed = await vault.put(alias, who, "destination")
        call = CallRequested(
            datetime.now(UTC),
            who,
            who,
            "guest",
            sealed,
            "rtmp",
            "routing_rule",
            "Oslo",
            True,
            "keep_conference_alive_never",
        )
        start = time.perf_counter()
        await logs["conference"].append(
            subjects.events("conference", conference), encode([call]), expected=None
        )
        message = await answers.next_msg(ANSWERED)
        times.append(time.perf_counter() - start)
        assert decode_commit(message.data)[0].participant == who
    await answers.unsubscribe()
    return Spread.of(times)


async def configure(nc: Client, wanted: list[GatewayRoutingRule]) -> None:
    bucket = await Bucket.ensure(nc.jetstream(), subjects.CONFIG)
    for rule in wanted:
        await bucket.put(f"gateway_routing_rule.{rule.id}", encode(rule))


def url_of(stack: dict[str, Any]) -> str:
    return Path(stack["nats_url_file"]).read_text()


async def in_service(runs: Runs, data: Path, count: int) -> None:
    """With one rule and with all of them, in turns; each has a stack's data of its own."""
    books = {"1 rule": [ALL], "10,000 rules": rules()}
    for name, known in books.items():
        with running(data / name, "--services", "routing") as stack:
            async with connected(url_of(stack)) as nc:
                await configure(nc, known)
    for run in range(count):
        for name in books:
            with running(data / name, "--services", "routing") as stack:
                async with connected(url_of(stack)) as nc:
                    await steps(nc, data / name, aliases(WARM), f"warm-{run}")
                    found = await steps(nc, data / name, aliases(), f"routed-{run}")
                    runs.setdefault(f"whole step, {name}", []).append(found)


async def by_length(data: Path, count: int, each: int) -> dict[int, list[commands.Cost]]:
    """Commands to one replica of conference_state."""
    costs: dict[int, list[commands.Cost]] = {length: [] for length in LENGTHS}
    with running(data, "--services", "routing") as stack:
        async with connected(url_of(stack)) as nc:
            await commands.write_histories(nc)
    with running(data, "--services", "conference_state") as stack:
        async with connected(url_of(stack)) as nc:
            await commands.settle(nc)
            # What was said at the start was said before the service had begun.
            pid = (stack_of(data) or stack)["pids"]["conference_state"]
            for length in LENGTHS:
                await commands.measure(nc, pid, length, 2)
            for _ in range(count):
                for length in LENGTHS:
                    costs[length].append(await commands.measure(nc, pid, length, each))
    return costs


def rows(runs: Runs) -> list[list[str]]:
    return [
        [
            name,
            *(
                f"{middle([getattr(run, part) for run in found]):.3f}"
                for part in ("median", "p99", "worst")
            ),
            spread([run.p99 for run in found]),
            str(len(found)),
        ]
        for name, found in runs.items()
    ]


def command_rows(costs: dict[int, list[commands.Cost]]) -> list[list[str]]:
    return [
        [
            f"history of {length:,} commits",
            f"{1 / middle([cost.seconds for cost in found]):.0f}",
            f"{1000 * middle([cost.seconds for cost in found]):.3f}",
            f"{1000 * middle([cost.cpu for cost in found]):.3f}",
            str(len(found)),
        ]
        for length, found in costs.items()
    ]


def ratios(runs: Runs, costs: dict[int, list[commands.Cost]]) -> dict[str, float]:
    p99 = {name: middle([run.p99 for run in found]) for name, found in runs.items()}
    found: dict[str, float] = {}
    if "decision (CPU), 10,000 rules" in p99:
        found["decision_p99_over_limit"] = p99["decision (CPU), 10,000 rules"] / LIMIT
    if "whole step, 1 rule" in p99:
        one, all_ = (
            middle([run.median for run in runs[f"whole step, {name}"]])
            for name in ("1 rule", "10,000 rules")
        )
        found["step_10000_rules_over_1"] = all_ / one
        found["step_p99_over_limit"] = p99["whole step, 10,000 rules"] / LIMIT
    if costs:
        short, long = costs[LENGTHS[0]], costs[LENGTHS[-1]]
        for part in ("seconds", "cpu"):
            below = middle([getattr(cost, part) for cost in short])
            above = middle([getattr(cost, part) for cost in long])
            found[f"command_{part}_10000_over_10"] = above / below
    return found


def figures(runs: Runs, costs: dict[int, list[commands.Cost]]) -> dict[str, Any]:
    return {
        "p99_ms": {
            name: round(middle([run.p99 for run in found]), 3) for name, found in runs.items()
        },
        "commands_per_second": {
            str(length): round(1 / middle([cost.seconds for cost in found]))
            for length, found in costs.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.routing", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--commands", type=int, default=200, help="in each round")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    runs: Runs = {}
    costs: dict[int, list[commands.Cost]] = {}
    print(f"{RULES:,} rules, {ALIASES:,} aliases; {machine()}", file=sys.stderr)
    more = alone(runs, options.runs) if "decisions" in options.parts else {}
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as name:
        if "service" in options.parts:
            asyncio.run(in_service(runs, Path(name) / "routing", options.runs))
        if "commands" in options.parts:
            data = Path(name) / "commands"
            costs = asyncio.run(by_length(data, options.runs, options.commands))
    if runs:
        print(table(["ms", "median", "p99", "worst", "p99 of the runs", "runs"], rows(runs)))
    for what, value in more.items():
        print(f"{what}: {value:.3f}")
    if costs:
        print()
        head = ["one replica of conference_state", "commands/s", "ms", "CPU ms", "runs"]
        print(table(head, command_rows(costs)))
    print(closing_line("routing", ratios(runs, costs), figures(runs, costs)))


if __name__ == "__main__":
    main()
