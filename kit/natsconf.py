"""The users of the bus as nats-server reads them: `python -m kit.natsconf` prints nats.conf."""

import json
import sys
from collections.abc import Callable, Mapping

from proto.access import USERS, Rights

DEPLOYED = """\
# nats-server with JetStream, and who may say and hear what. Made from proto/access.py by
# `make nats-users`; do not edit. The passwords are in a file beside this one, in lines like
# `gateway_password: "…"`, which deploy/secrets.sh makes.
server_name: rostrum
listen: "0.0.0.0:4222"
http: "127.0.0.1:8222"
jetstream { store_dir: "/data" }
include "passwords.conf"

"""

REPLIES = 4
"""How often a question may be answered: once, and a few times more while a service is replaced."""


def users(password: Callable[[str], str], rights: Mapping[str, Rights] = USERS) -> str:
    """`password` gives a user's, as it is to be written: quoted, or a variable."""
    entries = "".join(_user(name, password(name), one) for name, one in rights.items())
    return f"authorization {{\n  users: [\n{entries}  ]\n}}\n"


def _user(name: str, password: str, rights: Rights) -> str:
    answers = (
        f'\n      allow_responses: {{ max: {REPLIES}, expires: "1m" }}' if rights.answers else ""
    )
    return (
        f"    {{ user: {name}, password: {password}, permissions: {{\n"
        f"      publish: {{\n        allow: {_list(rights.publish)}\n"
        f"        deny: {_list(rights.deny_publish)}\n      }}\n"
        f"      subscribe: {_list(rights.subscribe)}{answers}\n"
        f"    }} }}\n"
    )


def _list(subjects: tuple[str, ...]) -> str:
    return "[" + "".join(f"\n          {json.dumps(one)}" for one in subjects) + "]"


if __name__ == "__main__":
    sys.stdout.write(DEPLOYED + users(lambda name: f"${name}_password"))
