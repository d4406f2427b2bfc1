"""A moment of what `python -m tests.fuzz.rtmp` does for as long as one likes."""

import time

from tests.fuzz.rtmp import run


def test_no_server_breaks_the_client() -> None:
    tally = run(0.3, seed=1, clock=time.monotonic)

    assert tally.live > 0, "some get as far as publishing"
    assert tally.refused > tally.live / 10
