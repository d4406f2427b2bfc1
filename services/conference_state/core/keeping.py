"""Who keeps a conference alive."""

from proto.views import ConferenceView, ParticipantView


def keeps(view: ConferenceView) -> bool:
    """Whether anybody is there for whom the conference goes on without a time limit.

    Where Guests and Hosts are told apart only Hosts count. A call counts as its
    `keep_conference_alive` says, and only with a Host among those who count; a streaming Guest
    never does.
    """
    return any(_host(view, p) for p in view.participants) or _calls_keep(view)


def host_present(view: ConferenceView) -> bool:
    """Whether a Host is there in person, so that Guests need not wait."""
    return any(p.present() and p.role == "chair" for p in view.participants)


def people(view: ConferenceView) -> bool:
    """Whether anybody is there who was not called, waiting or not."""
    return any(p.destination is None for p in view.participants)


def _host(view: ConferenceView, person: ParticipantView) -> bool:
    return person.present() and (person.role == "chair" or not view.allow_guests)


def _calls_keep(view: ConferenceView) -> bool:
    counting = [
        p
        for p in view.participants
        if p.destination is not None
        and not ((p.is_streaming or p.is_recording) and p.role == "guest")
        and p.keep_conference_alive != "keep_conference_alive_never"
    ]
    hosts = [p for p in counting if p.role == "chair"]
    alone = any(p.keep_conference_alive == "keep_conference_alive" for p in hosts)
    return alone or (bool(hosts) and len(counting) >= 2)
