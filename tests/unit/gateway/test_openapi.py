"""What the OpenAPI document and `schema/` say about the API."""

from typing import Any

from services.gateway.core.catalogue import TREES, schema
from services.gateway.core.configuration import ROOT
from services.gateway.core.manual import page
from services.gateway.core.openapi import document

DOCUMENT = document("1.0")


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*(references(one) for one in part.values()))
    return set().union(*(references(one) for one in part)) if isinstance(part, list) else set()


def test_every_reference_leads_somewhere() -> None:
    known = DOCUMENT["components"]["schemas"]
    missing = {one for one in references(DOCUMENT) if one.rsplit("/", 1)[-1] not in known}
    assert missing == set()


def test_what_only_we_know_is_not_described() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for name, one in schemas.items():
        assert not {"key", "sealed_alias", "sealed_presentation"} & set(
            one.get("properties", {})
        ), name
    assert "id" not in schemas["conference_given"]["properties"]
    assert "resource_uri" in schemas["conference_shown"]["required"]


def test_a_change_may_leave_out_everything() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["gateway_routing_rule_given"]["required"] == ["name", "priority", "match_string"]
    assert schemas["gateway_routing_rule_part"]["required"] == []


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [
        operation["operationId"]
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
    ]
    assert len(names) == len(set(names))


def test_the_page_shows_everything_and_fetches_nothing() -> None:
    text = page(DOCUMENT)
    for path in DOCUMENT["paths"]:
        assert f"<code>{path}</code>" in text
    assert "<script" not in text
    assert "//" not in text.replace("://", "")


def test_a_resources_schema_has_the_framework_s_form() -> None:
    described = schema(ROOT, "gateway_routing_rule")
    fields = described["fields"]
    assert described["allowed_detail_http_methods"] == ["get", "put", "patch", "delete"]
    assert fields["priority"] == {
        "type": "integer",
        "nullable": False,
        "blank": False,
        "readonly": False,
        "default": "No default provided.",
        "unique": False,
        "help_text": "Lower ones are tried first; among equals the name decides.",
        "minimum": 1,
        "maximum": 200,
    }
    assert fields["outgoing_location"]["type"] == "related"
    assert fields["outgoing_location"]["related_schema"] == f"{ROOT}/system_location/schema/"
    assert fields["crypto_mode"]["nullable"] is True
    assert "besteffort" in fields["crypto_mode"]["choices"]
    assert fields["id"]["readonly"] is True


def test_there_is_one_global_and_no_other() -> None:
    described = schema(ROOT, "global")
    assert described["allowed_list_http_methods"] == ["get"]
    assert described["allowed_detail_http_methods"] == ["get", "put", "patch"]


def test_every_list_has_a_schema() -> None:
    for tree, kinds in TREES.items():
        for kind in kinds:
            assert schema(tree, kind)["fields"]["resource_uri"]["readonly"] is True


def test_what_a_field_means_is_said_where_it_is_described() -> None:
    sentence = "Seconds that Guests may wait for a Host."
    assert schema(ROOT, "global")["fields"]["waiting_for_chair_timeout"]["help_text"] == sentence
    described = DOCUMENT["components"]["schemas"]["global_given"]["properties"]
    assert described["waiting_for_chair_timeout"]["description"] == sentence
    assert sentence in page(DOCUMENT)
