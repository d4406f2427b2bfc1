"""A span of time as people give it: `from` and `to`, absolute or before now."""

import re
from datetime import UTC, datetime, timedelta

from services.gateway.core.requests import Errors

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
RELATIVE = re.compile(r"-(\d{1,6})([smhd])")

Period = tuple[datetime | None, datetime | None]


def period(since: str, until: str, now: datetime) -> Period | Errors:
    """Both as moments, None for what is not given; or what is wrong with them."""
    errors: Errors = {}
    given: dict[str, datetime | None] = {}
    for field, text in (("from", since), ("to", until)):
        moment = _moment(text, now) if text else None
        if text and moment is None:
            errors[field] = ["Neither a time like 2026-11-26T12:00:00Z nor one like -1h."]
        given[field] = moment
    if errors:
        return errors
    begins, ends = given["from"], given["to"]
    if begins is not None and ends is not None and ends < begins:
        return {"to": ["This is before `from`."]}
    return begins, ends


def _moment(text: str, now: datetime) -> datetime | None:
    if text == "now":
        return now
    try:
        if relative := RELATIVE.fullmatch(text):
            return now - timedelta(**{UNITS[relative[2]]: int(relative[1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
