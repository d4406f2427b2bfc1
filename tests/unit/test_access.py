"""Who may do what on the bus, held against what the services really do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import diagram, natsconf
from proto import subjects
from proto.access import DURABLES, SERVICES, USERS, Service

ROOT = Path(__file__).parents[2]
ENSURED = re.compile(r"Bucket\.ensure\(\s*app\.js,\s*subjects\.([A-Z]+)")


def sources(service: str) -> Iterator[str]:
    for path in sorted((ROOT / "services" / service).rglob("*.py")):
        yield path.read_text()


def test_what_is_deployed_is_what_is_meant() -> None:
    """`make nats-users` writes it."""
    deployed = (ROOT / "deploy" / "nats" / "nats.conf").read_text()

    assert deployed == natsconf.DEPLOYED + natsconf.users(lambda user: f"${user}_password")


def test_every_user_has_a_password_made_for_it() -> None:
    made = re.search(r'^users="(.*)"$', (ROOT / "deploy" / "secrets.sh").read_text(), re.M)

    assert made is not None
    assert made[1].split() == list(USERS)


@pytest.mark.parametrize("service", SERVICES)
def test_every_durable_consumer_belongs_to_a_service(service: Service) -> None:
    named = {
        keyword.value.value
        for source in sources(service)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "durable" and isinstance(keyword.value, ast.Constant)
    }
    known = {d for owners in DURABLES.values() for d, whose in owners.items() if whose == service}

    assert named == known


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_use_the_buckets_that_it_opens(service: Service) -> None:
    opened = {name for source in sources(service) for name in ENSURED.findall(source)}
    missing = {
        name
        for name in opened
        if f"$JS.API.STREAM.INFO.KV_{getattr(subjects, name)}" not in SERVICES[service].publish
    }

    assert opened or service == "rtmp_egress"
    assert not missing, "give it the right in proto/access.py, then `make nats-users`"


def test_only_the_provisioning_user_makes_streams() -> None:
    makers = {
        user
        for user, rights in USERS.items()
        if any(".STREAM.CREATE." in subject for subject in rights.publish)
    }

    assert makers == {"provision"}


def test_nobody_but_who_restores_it_deletes_a_stream_or_hears_the_answers_to_others() -> None:
    for user, rights in USERS.items():
        deletes = any(".STREAM.DELETE." in subject for subject in rights.publish)
        assert deletes == (user == "operator")
        inboxes = [subject for subject in rights.subscribe if subject.startswith("_INBOX")]
        assert inboxes == [f"{subjects.inbox(user)}.>"]


def test_sealed_addresses_are_read_by_those_who_open_or_copy_them() -> None:
    readers = {
        user
        for user, rights in USERS.items()
        if f"$JS.API.STREAM.MSG.GET.KV_{subjects.SECRETS}" in rights.publish
    }

    services = {"conference_state", "routing", "mixer", "rtmp_egress", "gateway"}
    assert readers == {*services, "operator"}


def test_the_diagram_is_of_what_everybody_may_do() -> None:
    """`python -m kit.diagram` prints it for docs/architecture.md."""
    assert diagram.whole() in (ROOT / "docs" / "architecture.md").read_text()


def test_every_question_that_a_service_hears_is_in_the_diagram() -> None:
    heard = {subject for rights in SERVICES.values() for subject in rights.subscribe}
    own = {subjects.PINGS, subjects.replay_stage("*"), subjects.REPLAY_CLOCK}

    assert {one for one in heard if not one.startswith("_INBOX")} - own == diagram.ASKED.keys()
