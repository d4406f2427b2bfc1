"""A recorded conference decided anew by the pure cores, by the log's own clock: no processes.

For every commit that was recorded, whatever can have led to it is tried: the commands of which it
can come, the timers that are over, and what other services had said by then.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from cli.log.causes import causes, moment
from cli.log.read import Entry, Log
from cli.log.settings import settings
from proto.base import Refused, encode
from proto.conference import ConferenceEvent, Tick, Transfer, TransferRequested
from proto.subjects import is_gateway_call
from proto.views import ConferenceView
from services.conference_state.configured import effective, gateway_call
from services.conference_state.core import (
    Fact,
    Vmr,
    deadline,
    decide,
    empty,
    evolve,
    learn,
)

LATE = timedelta(seconds=2)
"""Timers are looked at twice a second, and a busy machine does everything late."""

LATELY = 40
"""Facts that may still lead to something."""


class Decided(msgspec.Struct):
    """What came out of one conference."""

    commits: int = 0
    anew: int = 0
    "Of those, how many are decided in the same way now."
    differently: list[str] = []
    view: ConferenceView | None = None


def vmr_of(log: Log) -> Vmr | None:
    known = settings(log)
    general, packages = known.general, {theme.id: theme.package for theme in known.themes}
    assert general is not None
    if is_gateway_call(log.conference):
        return gateway_call(general, packages)
    if known.vmr is None:
        return None
    return effective(known.vmr, general, known.automatic, packages)


def again(log: Log) -> Decided:
    vmr = vmr_of(log)
    state = empty(log.conference)
    done = Decided(differently=[])
    facts: list[Fact] = []
    transfers: dict[str, str] = {}
    for entry in log.entries:
        if entry.family != "conference":
            facts = [*facts, *(e for e in entry.events if isinstance(e, Fact))][-LATELY:]
            continue
        commit: list[ConferenceEvent] = list(entry.events)  # type: ignore[arg-type]
        done.commits += 1
        if _overdue(state, entry, vmr):
            done.differently.append(f"{entry.line.sequence}: a timer is over by now")
        elif found := _found(log.conference, state, entry, facts, vmr, transfers):
            done.anew += 1
            if isinstance(found, Fact):
                facts.remove(found)
        else:
            kinds = " ".join(str(event.__struct_config__.tag) for event in commit)
            done.differently.append(f"{entry.line.sequence}: nothing leads to {kinds}")
        for event in commit:
            if isinstance(event, TransferRequested):
                transfers[event.participant] = event.successor
            state = evolve(state, event)
    done.view = state
    return done


def _overdue(state: ConferenceView, entry: Entry, vmr: Vmr | None) -> bool:
    """Whether something should have happened long before this, and did not."""
    if not state.running or vmr is None:
        return False
    due = deadline(state, vmr)
    return due is not None and due + LATE < entry.line.time


def _found(
    conference: str,
    state: ConferenceView,
    entry: Entry,
    facts: Sequence[Fact],
    vmr: Vmr | None,
    transfers: dict[str, str],
) -> object:
    """What led to the commit: a command, or what another service said."""
    commit: list[ConferenceEvent] = list(entry.events)  # type: ignore[arg-type]
    recorded = msgspec.json.decode(entry.line.commit)
    at = moment(commit)
    for command in [*causes(conference, commit, transfers), Tick(conference)]:
        # The other conference's settings are not in this one's log, and matter for a PIN only.
        there = vmr if not isinstance(command, Transfer) else Vmr("there")
        if _same(decide(state, command, at, there), recorded):
            return command
    for fact in facts:
        if _same(learn(state, fact, at, vmr), recorded):
            return fact
    return None


def _same(outcome: list[ConferenceEvent] | Refused, recorded: list[dict[str, Any]]) -> bool:
    """Whether it was decided so. What events have got since is not looked at."""
    if isinstance(outcome, Refused):
        return False
    return bool(known_then(msgspec.json.decode(encode(outcome)), recorded) == recorded)


def known_then(now: Any, then: Any) -> Any:
    """`now` without the fields that have come since."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {key: known_then(value, then[key]) for key, value in now.items() if key in then}
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [known_then(one, other) for one, other in zip(now, then, strict=True)]
    return now
