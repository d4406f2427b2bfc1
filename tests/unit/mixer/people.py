"""Views for tests."""

import msgspec

from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView
from services.mixer.core.scene import Content, SourceId

URL = SealedUrl("secret.media", "file:***", "file")


def person(name: str, *, presents: bool = False, media: bool = True) -> ParticipantView:
    return ParticipantView(
        name, name.title(), "guest", media=URL if media else None,
        presentation=URL if presents else None,
    )  # fmt: skip


def stream(name: str) -> ParticipantView:
    """A streaming participant."""
    return ParticipantView(name, name, "guest", destination=URL, is_streaming=True)


def room(*people: ParticipantView, presenter: str = "", layout: str = "1:7") -> ConferenceView:
    view = ConferenceView("c", 1, name="Town hall", running=True, layout=layout)
    return msgspec.structs.replace(view, participants=list(people), presenter=presenter)


def source(name: str, content: Content = "main") -> SourceId:
    return SourceId(name, content)
