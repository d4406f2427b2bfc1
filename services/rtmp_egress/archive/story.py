"""What happened in a recording: files, people, chapters. Pure: a fold of what is heard."""

from datetime import datetime

import msgspec

from proto.recording import Mark, Part, Presence, Recording, Warned
from proto.views import ConferenceView
from services.rtmp_egress.wire import PartBegun, PartEnded

replace = msgspec.structs.replace

MOST_WARNINGS = 50
"""That are kept of one recording; a disk that is slow all day gives no more than the first."""


def second(recording: Recording, at: datetime | None) -> float:
    """`at` in seconds of the recording; what was before it is its beginning."""
    if recording.started_at is None or at is None:
        return 0.0
    return max(0.0, round((at - recording.started_at).total_seconds(), 3))


def part_begun(
    recording: Recording, told: PartBegun, host: str, view: ConferenceView | None
) -> Recording:
    """A new file. One that was not closed before it never will be."""
    first = recording.started_at is None
    # On another machine, second 0 is another's: the files are put where they belong.
    moved = 0.0 if first else (told.started_at - _started(recording)).total_seconds()
    part = Part(told.number, told.file, round(told.at + moved, 6), host=host)
    before = [_cut(one) for one in recording.parts if one.number != told.number]
    changed = replace(
        recording,
        state="recording",
        host=host,
        name=told.name,
        started_at=recording.started_at or told.started_at,
        started_ns=recording.started_ns or told.started_ns,
        ended_at=None,
        code="",
        reason="",
        parts=[*before, part],
    )
    if view is None:
        return changed
    return seen(replace(changed, marks=[Mark(0.0, "start", "Start")]) if first else changed, view)


def _started(recording: Recording) -> datetime:
    assert recording.started_at is not None
    return recording.started_at


def part_ended(recording: Recording, told: PartEnded) -> Recording:
    parts = [
        replace(
            one,
            ended=True,
            cut=False,
            seconds=told.seconds,
            size=told.size,
            lost_pictures=told.lost_pictures,
        )
        if one.number == told.number
        else one
        for one in recording.parts
    ]
    return replace(recording, parts=parts)


def measured(
    recording: Recording, number: int, seconds: float, size: int, sha256: str, cut: bool
) -> Recording:
    parts = [
        replace(one, seconds=seconds, size=size, sha256=sha256, cut=cut)
        if one.number == number
        else one
        for one in recording.parts
    ]
    return replace(recording, parts=parts)


def stored(recording: Recording, number: int) -> Recording:
    parts = [replace(one, stored=True) if one.number == number else one for one in recording.parts]
    return replace(recording, parts=parts)


def ended(recording: Recording, at: datetime, code: str, reason: str) -> Recording:
    """The recording is over; everybody who was still there is so until its end."""
    parts = [_cut(one) for one in recording.parts]
    last = second(recording, at)
    people = [replace(one, until=last) if one.until is None else one for one in recording.people]
    return replace(
        recording,
        state="complete",
        ended_at=at,
        parts=parts,
        people=people,
        code=code,
        reason=reason,
    )


def _cut(part: Part) -> Part:
    return part if part.ended else replace(part, ended=True, cut=True)


def warned(recording: Recording, at: datetime, code: str, reason: str) -> Recording:
    warning = Warned(second(recording, at), code, reason)
    return replace(recording, warnings=[*recording.warnings, warning][:MOST_WARNINGS])


def seen(recording: Recording, view: ConferenceView, at: datetime | None = None) -> Recording:
    """What the conference is like from `at` on; None: since before the recording."""
    if recording.started_at is None or view.instance != recording.instance:
        return recording
    now = second(recording, at)
    here = {p.participant: p for p in view.participants if p.present()}
    known = {one.participant for one in recording.people if one.until is None}
    people = [
        replace(one, until=now) if one.until is None and one.participant not in here else one
        for one in recording.people
    ]
    people += [
        Presence(who, p.display_name, p.role, min(now, second(recording, p.joined_at)))
        for who, p in here.items()
        if who not in known
    ]
    marks = list(recording.marks)
    if recording.layout and view.layout != recording.layout:
        marks.append(Mark(now, "layout", f"Layout {view.layout}"))
    if view.presenter != recording.presenter:
        marks.append(_presenting(view, now))
    return replace(
        recording,
        conference_name=view.name,
        people=people,
        marks=marks,
        layout=view.layout,
        presenter=view.presenter,
    )


def _presenting(view: ConferenceView, now: float) -> Mark:
    presenter = view.find(view.presenter)
    if presenter is None:
        return Mark(now, "presentation_stopped", "Conference")
    title = f"Presentation by {presenter.display_name}"[:250]
    return Mark(now, "presentation_started", title, presenter.participant)
