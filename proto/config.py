"""What is configured: KV `config`, one key `<resource>.<id>` each; names and defaults are Pexip's.

The same structs check what the management API is given and what the services read.
"""

from typing import Annotated, Literal

import msgspec

from proto.base import Text, Token

Layout = Literal["one_main_zero_pips", "one_main_seven_pips"]
LAYOUT_NAMES: dict[Layout, str] = {"one_main_zero_pips": "1:0", "one_main_seven_pips": "1:7"}
"Configuration name to client API name."

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=250)]


class ConferenceAlias(msgspec.Struct, frozen=True):
    alias: Name


class Conference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Virtual Meeting Room."""

    name: Name
    id: int = 0
    key: Token = "-"
    "Its name on the bus, given when it is created and never changed."
    description: Text = ""
    tag: Text = ""
    service_type: Literal["conference"] = "conference"
    aliases: list[ConferenceAlias] = []
    host_view: Layout = "one_main_seven_pips"
    max_pixels_per_second: Literal["sd", "hd", "fullhd"] | None = None
    participant_limit: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None


class GatewayRoutingRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Call Routing Rule."""

    name: Name
    priority: Annotated[int, msgspec.Meta(ge=1, le=200)]
    match_string: Name
    id: int = 0
    enable: bool = True
    description: Text = ""
    match_incoming_calls: bool = True
    match_outgoing_calls: bool = False
    match_source_location: Text | None = None
    match_string_full: bool = False
    replace_string: Text = ""
    outgoing_location: Text | None = None
    outgoing_protocol: Literal["rtmp", "sip", "h323", "mssip", "gms", "teams"] = "sip"


class SystemLocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    id: int = 0
    description: Text = ""


Resource = Conference | GatewayRoutingRule | SystemLocation
RESOURCES: dict[str, type[Conference] | type[GatewayRoutingRule] | type[SystemLocation]] = {
    "conference": Conference,
    "gateway_routing_rule": GatewayRoutingRule,
    "system_location": SystemLocation,
}
