"""Changes of the configuration, with what has to be done around the write itself.

The address of an automatically dialled participant holds a stream key: it is sealed first, and only
what may be shown of it is stored. A conference does not hold such participants but they it, so
setting a conference's is a change of them.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from kit.urls import check_stream_url
from kit.vault import Vault
from proto.config import AutomaticParticipant, IvrTheme
from proto.urls import Purpose, SealedUrl
from services.gateway.core.configuration import Configuration
from services.gateway.core.relations import Unrelated, number_of, stored
from services.gateway.core.requests import Errors
from services.gateway.core.resources import Moment, Write, changed, created, removed
from services.gateway.problems import Problem
from services.gateway.sinks import sealed_sink
from services.gateway.store import Given, Store
from services.gateway.themes import Themes
from services.gateway.workers import Workers

LONGEST = 250
"""Characters of an alias in the configuration; Pexip's."""

MOST = 500
"""Objects of one change of many."""

LINKS = "automatic_participants"

ADDRESSES: tuple[tuple[str, str, Purpose], ...] = (
    ("alias", "sealed_alias", "destination"),
    ("presentation_url", "sealed_presentation", "presentation"),
    ("backup_url", "sealed_backup", "backup"),
)
"""What is shown, what is stored to be dialled, and what it is sealed for."""


class Editor:
    def __init__(
        self,
        store: Store,
        vault: Vault,
        workers: Workers,
        themes: Themes,
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._vault = vault
        self._workers = workers
        self._themes = themes
        self._new_id = new_id

    async def create(
        self, kind: str, fields: dict[str, Any], *, package: bytes | None = None
    ) -> int:
        """The new resource's id; `package` is a theme's. Raises Problem."""
        links = self._links(kind, fields)
        given = await self._given(kind, fields, None, package)
        made = await self._store.create(kind, given, await self._workers.locations())
        if isinstance(made, dict):
            await self._forget(given)
            raise Problem(made, kind)
        await self._kept(package)
        await self._link(made, links)
        return made

    async def change(
        self,
        kind: str,
        number: int,
        fields: dict[str, Any],
        *,
        whole: bool,
        package: bytes | None = None,
    ) -> None:
        links = self._links(kind, fields)
        before = self._store.find(kind, number)
        given = await self._given(kind, fields, before, package)
        live = await self._workers.locations()
        wrong = await self._store.change(kind, number, given, live, whole=whole)
        if isinstance(wrong, dict):
            await self._forget(given)
            raise Problem(wrong, kind)
        await self._kept(package)
        await self._forget_old(number, before)
        if kind == "conference" and whole and links is None:
            links = []
        await self._link(number, links)

    async def remove(self, kind: str, number: int) -> None:
        before = self._store.find(kind, number)
        wrong = await self._store.remove(kind, number)
        if isinstance(wrong, dict):
            raise Problem(wrong, kind)
        await self._forget_old(number, before)

    async def change_many(self, kind: str, body: dict[str, Any]) -> list[Any]:
        """What was deleted. All or nothing, unless somebody else writes at the same time: tried
        first, then done."""
        objects, gone = body.get("objects", []), body.get("deleted_objects", [])
        if body.keys() - {"objects", "deleted_objects", "meta"}:
            raise Problem({"__all__": ["Only objects and deleted_objects may be given."]}, kind)
        if not (isinstance(objects, list) and all(isinstance(one, dict) for one in objects)):
            raise Problem({"objects": ["This must be a list of objects."]}, kind)
        if not isinstance(gone, list):
            raise Problem({"deleted_objects": ["This must be a list of resource URIs."]}, kind)
        if len(objects) + len(gone) > MOST:
            raise Problem({"objects": [f"At most {MOST} can be changed at once."]}, kind)
        numbers = [self._number(kind, one, "deleted_objects") for one in gone]
        wanted = [self._wanted(kind, one) for one in objects]
        live = await self._workers.locations()
        _try(kind, numbers, wanted, self._store.now.copy(), live)
        deleted = [self._store.find(kind, number) for number in dict.fromkeys(numbers)]
        for one in deleted:
            await self.remove(kind, one.id)
        for at, fields in wanted:
            if at is None:
                await self.create(kind, fields)
            else:
                await self.change(kind, at, fields, whole=False)
        return deleted

    def _wanted(self, kind: str, fields: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
        if "resource_uri" not in fields:
            return None, fields
        return self._number(kind, fields["resource_uri"], "resource_uri"), fields

    def _number(self, kind: str, value: Any, field: str) -> int:
        number = number_of(value, kind) if isinstance(value, str) else None
        if number is None or number not in self._store.now.of(kind):
            raise Problem({field: ["There is no such resource."]}, kind)
        return number

    def _links(self, kind: str, fields: dict[str, Any]) -> list[int] | None:
        """The participants that a conference's body names; None if it names none."""
        if kind != "conference" or LINKS not in fields:
            return None
        try:
            known = stored(kind, {LINKS: fields[LINKS]}, self._store.now, frozenset())
        except Unrelated as exc:
            raise Problem(exc.errors, kind) from None
        found: list[int] = known[LINKS]
        return found

    async def _link(self, conference: int, links: list[int] | None) -> None:
        """See to it that these participants, and no others, are of the conference."""
        if links is None:
            return
        for number, one in list(self._store.now.automatic.items()):
            there = conference in one.conference
            if there == (number in links):
                continue
            kept = [n for n in one.conference if n != conference]
            given = Given({"conference": kept if there else [*kept, conference]})
            kind = "automatic_participant"
            wrong = await self._store.change(kind, number, given, frozenset(), whole=False)
            if isinstance(wrong, dict):
                raise Problem({LINKS: ["One of these cannot be changed."]}, "conference")

    async def _given(
        self, kind: str, fields: dict[str, Any], before: Any, package: bytes | None
    ) -> Given:
        if package is None:
            return await self._sealed(kind, fields, before)
        if wrong := await self._themes.wrong_with(package):
            raise Problem({"package": [wrong]}, kind)
        digest = await self._themes.keep(package)
        return Given(fields, {"package": digest, "package_size": len(package)})

    async def _kept(self, package: bytes | None) -> None:
        """Whoever took the same package from another theme may just have deleted it."""
        if package is not None:
            await self._themes.keep(package)

    async def _sealed(self, kind: str, fields: dict[str, Any], before: Any) -> Given:
        """The body with its addresses sealed; one that is shown again as it was is kept."""
        if kind == "event_sink":
            return sealed_sink(self._vault.sealer, fields, before)
        if kind != "automatic_participant":
            return Given(fields)
        was = before if isinstance(before, AutomaticParticipant) else None
        wrong = _wrong_addresses(fields, was)
        if wrong:
            raise Problem(wrong, kind)
        sealed: dict[str, Any] = {}
        owner = f"adp-{self._new_id()}"
        for field, inside, purpose in ADDRESSES:
            value = fields.get(field)
            if was is not None and (value is None or value == getattr(was, field)):
                if value is not None:
                    sealed[inside] = msgspec.to_builtins(getattr(was, inside))
            elif value:
                url = await self._vault.put(value, owner, purpose)
                sealed |= {field: url.redacted, inside: msgspec.to_builtins(url)}
            elif field in fields:
                sealed[inside] = None
        return Given(fields, sealed)

    async def _forget(self, given: Given) -> None:
        """Delete what was sealed, or stored, for a write that came to nothing."""
        await self._themes.sweep(given.sealed.get("package", ""))
        for field, inside, _ in ADDRESSES:
            if field in given.sealed:
                await self._vault.discard(msgspec.convert(given.sealed[inside], SealedUrl))

    async def _forget_old(self, number: int, before: Any) -> None:
        """Delete what nothing refers to any more."""
        if isinstance(before, IvrTheme):
            await self._themes.sweep(before.package)
        if not isinstance(before, AutomaticParticipant):
            return
        now = self._store.now.automatic.get(number)
        for url in _addresses(before) - (_addresses(now) if now else set()):
            if url is not None:
                await self._vault.discard(url)


def _addresses(one: AutomaticParticipant) -> set[SealedUrl | None]:
    return {one.sealed_alias, one.sealed_presentation, one.sealed_backup}


def _wrong_addresses(fields: dict[str, Any], was: AutomaticParticipant | None) -> Errors:
    """What is wrong with the addresses of an automatically dialled participant."""
    routing = fields.get("routing", was.routing if was else "manual")
    protocol = fields.get("protocol", was.protocol if was else "sip")
    for field, _, _ in ADDRESSES:
        value = fields.get(field)
        if value is None or (was is not None and value == getattr(was, field)):
            continue
        if not isinstance(value, str):
            return {field: ["Expected `str`."]}
        if len(value) > LONGEST:
            return {field: [f"Expected `str` of length <= {LONGEST}."]}
        if not value and field == "alias":
            return {field: ["Expected `str` of length >= 1."]}
        routed = routing != "manual" or protocol != "rtmp"
        dialled = value and (field == "backup_url" or not routed)
        if dialled and (reason := check_stream_url(value)):
            return {field: [f"The address {reason}."]}
    return {}


def _try(
    kind: str,
    gone: list[int],
    wanted: list[tuple[int | None, dict[str, Any]]],
    known: Configuration,
    live: frozenset[str],
) -> None:
    """Do it all to a copy. Raises Problem with what would be refused."""
    revision = 10**9
    for number in gone:
        _apply(kind, removed(kind, _there(known, kind, number), Moment(known, live)), known)
    for at, fields in wanted:
        revision += 1
        moment = Moment(known, live, revision, "-")
        if at is None:
            _apply(kind, created(kind, fields, moment), known)
        else:
            before = _there(known, kind, at)
            _apply(kind, changed(kind, fields, before, moment, whole=False), known)


def _there(known: Configuration, kind: str, number: int) -> Any:
    found = known.of(kind).get(number)
    if found is None:
        raise Problem({"resource_uri": ["There is no such resource."]}, kind)
    return found


def _apply(kind: str, decided: Write | Errors, known: Configuration) -> None:
    if isinstance(decided, dict):
        raise Problem(decided, kind)
    decided.apply(known)
