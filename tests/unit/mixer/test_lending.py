"""Who on another host is given a conference's feeds."""

from typing import Any, cast

import pytest

from kit.capacity import Capacity
from kit.kv import Bucket
from kit.link import FeedRefused, Hello
from kit.secrets import Sealer
from kit.vault import Vault
from services.mixer.config import Config
from services.mixer.shell import Worker
from services.mixer.wardrobe import Wardrobe

NOTHING = cast(Any, None)
OURS = Vault(cast(Bucket, None), Sealer(b"k" * 32))
OTHERS = Vault(cast(Bucket, None), Sealer(b"o" * 32))


def worker() -> Worker:
    return Worker(
        "m",
        Config(),
        OURS,
        cast(Wardrobe, None),
        *(NOTHING, NOTHING, NOTHING, NOTHING),
        cast(Capacity, None),
        NOTHING,
        now=NOTHING,
        clock=NOTHING,
    )


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(OTHERS.feed_token("c1"), id="another-installation"),
        pytest.param(OURS.feed_token("c2"), id="another-conference"),
        pytest.param("", id="none"),
    ],
)
def test_who_has_no_token_for_a_conference_gets_nothing_of_it(token: str) -> None:
    with pytest.raises(FeedRefused, match="token"):
        worker().admit(Hello("c1", token, b""))


def test_who_has_one_is_told_that_a_conference_is_not_mixed_here() -> None:
    with pytest.raises(FeedRefused, match="not mixed here"):
        worker().admit(Hello("c1", OURS.feed_token("c1"), b""))
