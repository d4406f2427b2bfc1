"""Which replica delivers to which sink."""

from collections import Counter

import pytest

from kit.addresses import is_public
from services.webhooks.members import owner

REPLICAS = ["a", "b", "c"]


def test_sinks_are_shared_and_one_that_goes_leaves_the_others_theirs() -> None:
    before = {sink: owner(sink, REPLICAS) for sink in range(300)}
    after = {sink: owner(sink, ["a", "b"]) for sink in range(300)}

    assert all(number > 60 for number in Counter(before.values()).values())
    assert all(after[s] == whose for s, whose in before.items() if whose != "c")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"),
        *("64:ff9b::a00:1", "2002:7f00:1::", "::7f00:1", "0.0.0.0", "224.0.0.1"),
    ],
)
def test_an_address_of_somebodys_own_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822"])
def test_one_that_anybody_may_reach_is(address: str) -> None:
    assert is_public(address)
