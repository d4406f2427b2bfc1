"""The layouts that there are, by all of their names. The one table of them.

A layout has a name in the configuration and one in the client API, which is the name that events,
views and feeds carry; some have older or newer names, which are taken for the same.
"""

from typing import Literal

import msgspec

ConfigName = Literal[
    "one_main_zero_pips",
    "one_main_one_pip",
    "one_main_seven_pips",
    "one_main_twentyone_pips",
    "two_mains_twentyone_pips",
    "one_main_thirtythree_pips",
    "four_mains_zero_pips",
    "nine_mains_zero_pips",
    "sixteen_mains_zero_pips",
    "twentyfive_mains_zero_pips",
    "five_mains_seven_pips",
    "one_main_nine_around",
    "one_main_twelve_around",
    "two_mains_eight_around",
    "teams",
]
ClientName = Literal[
    "1:0",
    "1:1",
    "1:7",
    "1:21",
    "2:21",
    "1:33",
    "4:0",
    "9:0",
    "16:0",
    "25:0",
    "ac",
    "one_main_nine_around",
    "one_main_twelve_around",
    "two_mains_eight_around",
    "teams",
]
OtherName = Literal["2x2", "3x3", "4x4", "5x5", "5:7"]
AnyName = ConfigName | ClientName | OtherName


class LayoutNames(msgspec.Struct, frozen=True):
    config: ConfigName
    client: ClientName
    others: tuple[OtherName, ...] = ()


ALL = (
    LayoutNames("one_main_zero_pips", "1:0"),
    LayoutNames("one_main_one_pip", "1:1"),
    LayoutNames("one_main_seven_pips", "1:7"),
    LayoutNames("one_main_twentyone_pips", "1:21"),
    LayoutNames("two_mains_twentyone_pips", "2:21"),
    LayoutNames("one_main_thirtythree_pips", "1:33"),
    LayoutNames("four_mains_zero_pips", "4:0", ("2x2",)),
    LayoutNames("nine_mains_zero_pips", "9:0", ("3x3",)),
    LayoutNames("sixteen_mains_zero_pips", "16:0", ("4x4",)),
    LayoutNames("twentyfive_mains_zero_pips", "25:0", ("5x5",)),
    LayoutNames("five_mains_seven_pips", "ac", ("5:7",)),
    LayoutNames("one_main_nine_around", "one_main_nine_around"),
    LayoutNames("one_main_twelve_around", "one_main_twelve_around"),
    LayoutNames("two_mains_eight_around", "two_mains_eight_around"),
    LayoutNames("teams", "teams"),
)

DEFAULT: ClientName = "1:7"

CLIENT_NAMES: dict[ConfigName, ClientName] = {names.config: names.client for names in ALL}
"""Configuration name to client API name."""

_known: dict[str, ClientName] = {
    name: names.client for names in ALL for name in (names.config, names.client, *names.others)
}


def client_name(name: str) -> ClientName | None:
    """The name that events and feeds carry, of a layout by any of its names; None: no such one."""
    return _known.get(name)


def adaptive(name: str) -> bool:
    """Adaptive Composition, which follows who speaks how much; by any of its names."""
    return _known.get(name) == "ac"
