"""How long a call takes that nobody can carry: `python -m tests.support.refusals`, by hand.

conference_state, routing and scheduler as processes, and three egress workers that decline. Calls
are dialled one after another. Prints milliseconds from the command to the end of the call, which
has every worker's reason.
"""

import asyncio
import os
import tempfile
from pathlib import Path
from statistics import quantiles

import nats

from kit.follow import Follower
from proto import subjects
from proto.conference import CallEnded, Join, decode_commit
from proto.scheduler import Declined
from tests.support.nats import NatsServer
from tests.support.services import environment
from tests.support.walk import Stage

CALLS = 50

WORKERS = ("egress-a", "egress-b", "egress-c")


async def refuse(stage: Stage) -> list[float]:
    """Milliseconds that each call took."""
    for name in WORKERS:
        await stage.worker("egress", name, Declined(name, f"{name} is full"))
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await asyncio.sleep(1.0)
    clock = asyncio.get_running_loop().time
    ended: dict[str, asyncio.Future[CallEnded]] = {}

    async def follow(follower: Follower) -> None:
        async for _, commit in follower.commits(decode_commit):
            for event in commit:
                if isinstance(event, CallEnded) and event.participant in ended:
                    ended[event.participant].set_result(event)

    subject = subjects.events("conference", "town-hall-1")
    follower = Follower(stage.js, subjects.stream("conference"), subject, after=None)
    took = []
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow(follower))
        await follower.started.wait()
        for n in range(CALLS):
            who = f"call-{n}"
            ended[who] = asyncio.get_running_loop().create_future()
            begun = clock()
            await stage.dial(who)
            event = await asyncio.wait_for(ended[who], 20)
            took.append((clock() - begun) * 1000)
            assert all(f"{name} is full" in event.reason for name in WORKERS), event.reason
        following.cancel()
    return took


async def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        server = NatsServer(Path(place) / "jetstream")
        server.start()
        try:
            nc = await nats.connect(server.url)
            stage = Stage(nc, environment(server.url, Path(place)))
            async with stage.stack:
                await stage.open()
                took = await refuse(stage)
            await nc.close()
        finally:
            server.kill()
    cuts = quantiles(took, n=100, method="inclusive")
    load = os.getloadavg()[0]
    print(f"p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms, most {max(took):.0f} ms, load {load:.1f}")


if __name__ == "__main__":
    asyncio.run(main())
