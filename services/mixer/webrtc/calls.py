"""The calls of one conference: who has one, what they see and hear, and what the mix gets."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

import structlog

from kit.link import Seat
from proto.media import Content as FeedContent
from proto.media import FeedSpec
from proto.mixer import CallKind, SourceState
from proto.views import ConferenceView, ParticipantView
from services.mixer.core.line import Lines
from services.mixer.core.scene import Content, SourceId
from services.mixer.media.engine import PICTURES_ONLY, OnSound
from services.mixer.webrtc import offer
from services.mixer.webrtc.listening import EVERYBODY, Listening
from services.mixer.webrtc.network import Network
from services.mixer.webrtc.peer import WRONG, Figures, Peer, Refused
from services.mixer.webrtc.source import CallSource
from services.mixer.webrtc.watching import Studio, Wanted

log = structlog.get_logger()

CONNECT_IN = 20.0
"""Seconds for ICE and DTLS."""

FPS = 30
LARGE = {"sd": (848, 480, 900), "hd": (1280, 720, 1700), "fullhd": (1280, 720, 1700)}
"""By the conference's quality: width, height and kbit/s of what callers get."""

SMALL = (640, 360, 400)
"""For those whose line does not carry it."""

CONTENTS: dict[CallKind, Content] = {"main": "main", "send_presentation": "presentation"}


class Mix(Protocol):
    """What of the engine is needed here."""

    def now(self) -> float: ...
    def open_feed(self, spec: FeedSpec) -> Seat | str: ...
    def listen(self, listeners: frozenset[str], on_sound: OnSound) -> None: ...


class Calls:
    """For the event loop's thread."""

    def __init__(
        self,
        conference: str,
        mix: Mix,
        network: Network,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        changed: Callable[[Mapping[SourceId, CallSource]], None],
        report: Callable[[SourceId, SourceState, str], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`changed` hears which sources there are by calls; `report` how one of them is."""
        self._conference = conference
        self._mix = mix
        self._network = network
        self._spawn = spawn
        self._changed = changed
        self._report = report
        self._loop = loop
        self._view = ConferenceView(conference, 0)
        self._peers: dict[tuple[str, CallKind], Peer] = {}
        self._studio = Studio(self._open_feed, loop)
        self._listening = Listening(loop)
        self._gone = Figures()
        "What calls that are over had counted."

    def show(self, view: ConferenceView) -> None:
        """The conference is like this now; calls of those who are not in it end."""
        self._view = view
        for who, kind in list(self._peers):
            if self._person(who) is None:
                self._end(who, kind)
        self._follow()

    async def connect(self, participant: str, call: str, kind: CallKind, sdp: str) -> str:
        """The answer to an offer. Raises Refused."""
        if self._person(participant) is None:
            raise Refused("who calls is not in the conference")
        if problem := offer.problem(sdp):
            raise Refused(problem)
        peer = self._peers.get((participant, kind))
        if peer is not None and peer.call != call:
            self._end(participant, kind)
            peer = None
        fresh = peer is None
        if peer is None:
            peer = self._peers[participant, kind] = self._peer(participant, call, kind)
        try:
            answer = await peer.answer(sdp)
        except Refused:
            if fresh and self._peers.get((participant, kind)) is peer:
                self._end(participant, kind)
            raise
        if self._peers.get((participant, kind)) is not peer:
            raise Refused("the call was ended meanwhile")
        if kind == "main" and peer.audio is not None:
            self._listening.add(participant, peer.audio)
        if fresh:
            self._loop.call_later(CONNECT_IN, self._give_up, participant, peer)
            self._tell_sources()
        self._follow()
        return answer

    async def add_candidate(self, participant: str, call: str, candidate: str, mid: str) -> None:
        """Raises Refused."""
        for kind in ("main", "send_presentation", "receive_presentation"):
            peer = self._peers.get((participant, kind))
            if peer is not None and peer.call == call:
                await peer.add_candidate(candidate, mid)
                return
        raise Refused("there is no such call")

    def end(self, participant: str, call: str) -> None:
        for (who, kind), peer in list(self._peers.items()):
            if who == participant and peer.call == call:
                self._end(who, kind)
        self._follow()

    async def tend(self) -> Lines:
        """Once a second: what is broken is mended; returns how the lines are."""
        self._studio.tend()
        for peer in list(self._peers.values()):
            try:
                await peer.count()
            except WRONG as exc:  # that one call's; the conference goes on
                log.warning("call not looked at", kind=type(exc).__name__)
        found = [peer.counted for peer in self._peers.values()]
        whole = [*found, self._gone]
        counts = self._studio.counts
        return Lines(
            len(self._peers),
            sum(peer.connected for peer in self._peers.values()),
            self._studio.encodings,
            sum(one.received for one in whole),
            sum(one.received_lost for one in whole),
            sum(one.sent for one in whole),
            sum(one.sent_lost for one in whole),
            counts.pictures,
            counts.key_frames,
            max((one.jitter for one in found), default=0.0),
            max((one.round_trip or 0.0 for one in found), default=0.0),
        )

    def close(self) -> None:
        self._studio.close()
        self._listening.close()

    def _person(self, participant: str) -> ParticipantView | None:
        found = self._view.find(participant)
        return found if found is not None and found.by_call() and found.present() else None

    def _peer(self, participant: str, call: str, kind: CallKind) -> Peer:
        source = None
        if (content := CONTENTS.get(kind)) is not None:
            ident = SourceId(participant, content)

            def report(state: SourceState, reason: str) -> None:
                self._report(ident, state, reason)

            source = CallSource(self._mix.now, report)
        return Peer(
            call,
            kind,
            source,
            self._network,
            self._spawn,
            clock=self._loop.time,
            lost=lambda peer, why: self._lost(participant, peer, why),
            key_frame=self._studio.key_frame,
            line_changed=lambda _: self._follow(),
        )

    def _lost(self, participant: str, peer: Peer, why: str) -> None:
        if self._peers.get((participant, peer.kind)) is not peer:
            return
        log.info("call lost", participant=participant, call=peer.kind)
        if peer.source is not None:
            peer.source.fail(why)
        self._end(participant, peer.kind)
        self._follow()

    def _give_up(self, participant: str, peer: Peer) -> None:
        if not peer.connected:
            self._lost(participant, peer, "it cannot be connected to")

    def _end(self, participant: str, kind: CallKind) -> None:
        peer = self._peers.pop((participant, kind))
        if peer.video is not None:
            self._studio.leave(peer.video)
        if peer.audio is not None:
            self._listening.leave(participant, peer.audio)
        # At once, and as it was last told: what has been counted must never become less.
        for name in ("received", "received_lost", "sent", "sent_lost"):
            setattr(self._gone, name, getattr(self._gone, name) + getattr(peer.counted, name))
        self._spawn(peer.close())
        self._tell_sources()

    def _tell_sources(self) -> None:
        self._changed(
            {
                SourceId(who, CONTENTS[kind]): peer.source
                for (who, kind), peer in self._peers.items()
                if peer.source is not None
            }
        )

    def _follow(self) -> None:
        """See to it that everybody is shown and told what they should be."""
        for (who, kind), peer in self._peers.items():
            person = self._person(who)
            if person is not None and peer.video is not None:
                self._studio.watch(peer.video, self._wanted(person, kind, peer))
        names = self._listening.names
        listeners = names | {EVERYBODY} if names else names
        self._mix.listen(listeners, self._listening.hear)

    def _wanted(self, person: ParticipantView, kind: CallKind, peer: Peer) -> Wanted:
        view = self._view
        guests = view.service_type == "lecture" and person.role == "guest"
        content: FeedContent = "presentation"
        if kind == "main":
            apart = (person.participant, "receive_presentation") in self._peers
            content = "main" if apart else "single"
        width, height, kbps = SMALL if peer.line.small else LARGE[view.quality]
        spec = FeedSpec(
            self._conference,
            content,
            "",
            width,
            height,
            FPS,
            "guests" if guests else "all",
        )
        return Wanted(spec, kbps, peer.codec)

    def _open_feed(self, spec: FeedSpec) -> Seat | str:
        seat = self._mix.open_feed(spec)
        return seat if isinstance(seat, str) else Seat(seat.writer, PICTURES_ONLY)
