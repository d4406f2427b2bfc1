"""The table of layouts."""

from itertools import chain
from typing import get_args

import pytest

from proto import layouts
from proto.layouts import adaptive, client_name


def test_the_table_has_every_name_once() -> None:
    rows = [{names.config, names.client, *names.others} for names in layouts.ALL]
    every = [name for kind in get_args(layouts.AnyName) for name in get_args(kind)]

    assert set(chain(*rows)) == set(every)
    assert sum(map(len, rows)) == len(set(every))


@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("1:7", "1:7"),
        ("one_main_seven_pips", "1:7"),
        ("3x3", "9:0"),
        ("5:7", "ac"),
        ("five_mains_seven_pips", "ac"),
        ("teams", "teams"),
        ("9:9", None),
        ("", None),
    ],
)
def test_a_layout_is_known_by_all_of_its_names(name: str, client: str | None) -> None:
    assert client_name(name) == client


def test_one_layout_is_adaptive_by_all_of_its_names() -> None:
    assert {names.client for names in layouts.ALL if adaptive(names.client)} == {"ac"}
    assert adaptive("5:7")
    assert not adaptive("unheard-of")
