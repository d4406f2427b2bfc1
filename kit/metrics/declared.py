"""All metrics that there are: `docs/metrics.md` is made of this.

Names are OpenTelemetry's; Prometheus has them with `_` for `.`, and behind them the unit and, of
a counter, `_total`. A name or unit never changes: others' dashboards and alerts rest on it.
"""

from typing import Literal

import msgspec

Kind = Literal["counter", "gauge", "histogram"]


class Attribute(msgspec.Struct, frozen=True):
    name: str
    about: str
    bound: str
    "Why there are not many values of it."


ATTRIBUTES = {
    one.name: one
    for one in (
        Attribute(
            "conference",
            "Which conference: eight hex digits, made from its key with the installation's secret "
            "key; `metrics_id` in our API's answers",
            "those that a worker carries: its capacity",
        ),
        Attribute(
            "destination",
            "Which destination: the participant's id, as all APIs have it",
            "those that a worker carries; 2000 series of a metric at most",
        ),
        Attribute(
            "session",
            "Which session: its id in events and logs",
            "those that a worker carries: its capacity",
        ),
        Attribute("leg", "`single`, or which half of a dual stream", "3"),
        Attribute("state", "State of a source, session, destination or conference", "5"),
        Attribute("reason", "Reason code, see reason-codes.md; empty: all is well", "60"),
        Attribute("encoder", "libav's name of the encoder", "5"),
        Attribute("measure", "`preset`, `frame_rate` or `size`", "3"),
        Attribute("picture", "`fresh`, `repeated` or `slate`", "3"),
        Attribute("kind", "Kind of work, of worker or of participant", "3"),
        Attribute("location", "Where a worker is, as call routing names it", "locations"),
        Attribute("outcome", "`ok`, or the code of a refusal or failure", "30"),
        Attribute("command", "Type of a command", "40"),
        Attribute("stream", "JetStream stream", "5"),
        Attribute("durable", "Durable consumer", "5"),
        Attribute("method", "HTTP method", "8"),
        Attribute("route", "Pattern of the path", "100"),
        Attribute("status", "HTTP status", "20"),
        Attribute("module", "Which kind of child process", "2"),
    )
}


class Metric(msgspec.Struct, frozen=True):
    name: str
    kind: Kind
    unit: str
    "UCUM, as OpenTelemetry has it: `s`, `By`, or what is counted in braces."
    about: str
    service: str
    "Who has it; `all`, or names with commas."
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def prometheus(self) -> str:
        """As Prometheus has it; of a counter without `_total`."""
        unit = {"s": "_seconds", "By": "_bytes"}.get(self.unit, "")
        return self.name.replace(".", "_") + unit

    @property
    def sample(self) -> str:
        """As queries name it; a histogram's has `_bucket`, `_sum` or `_count` behind."""
        return self.prometheus + ("_total" if self.kind == "counter" else "")


PICTURE = (0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.02, 0.033, 0.05, 0.1, 0.25)
"""Seconds of work on a picture: 16 ms is what 60 a second leave, 33 ms what 30 do."""

ANSWER = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds of an answer that a person waits for."""

START = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds from a wish to what was wished for."""

ALL: list[Metric] = []

_MIX = ("conference",)
_DESTINATION = ("conference", "destination", "leg")


def _counter(name: str, unit: str, about: str, service: str, *attributes: str) -> Metric:
    return _declare(Metric(f"rostrum.{name}", "counter", unit, about, service, attributes))


def _gauge(name: str, unit: str, about: str, service: str, *attributes: str) -> Metric:
    return _declare(Metric(f"rostrum.{name}", "gauge", unit, about, service, attributes))


def _histogram(
    name: str, buckets: tuple[float, ...], about: str, service: str, *attributes: str
) -> Metric:
    return _declare(
        Metric(f"rostrum.{name}", "histogram", "s", about, service, attributes, buckets)
    )


def _declare(metric: Metric) -> Metric:
    ALL.append(metric)
    return metric


READY = _gauge(
    "ready", "{service}", "1 while the bus is there and the service is not stopping", "all"
)
HANDLING = _histogram(
    "bus.handling.duration",
    ANSWER,
    "From a message's arrival to its end",
    "all",
    "stream",
    "durable",
)
PARKED = _counter(
    "bus.parked",
    "{message}",
    "Messages that nobody could handle, put aside",
    "all",
    "stream",
    "durable",
)
LAG = _gauge(
    "bus.consumer.lag",
    "{message}",
    "Messages that a durable consumer has not dealt with; the same in each replica",
    "conference_state, routing, scheduler",
    "stream",
    "durable",
)
DEATHS = _counter(
    "child.deaths", "{process}", "Media processes that died", "mixer, rtmp_egress", "module"
)
ROOM = _gauge(
    "room",
    "{place}",
    "Places of a worker, as its cores and what work costs there make them: conferences, or "
    "sessions of 1280x720 at 30 pictures/s; 0 while it takes nothing new",
    "mixer, rtmp_egress",
    "kind",
    "location",
)
ROOM_TAKEN = _gauge(
    "room.taken",
    "{place}",
    "Those that its work takes, by what that costs",
    "mixer, rtmp_egress",
    "kind",
    "location",
)
ROOM_FREE = _gauge(
    "room.free", "{place}", "Those that it offers", "mixer, rtmp_egress", "kind", "location"
)
FULLNESS = _gauge(
    "room.fullness",
    "{share}",
    "Share of the places that is taken, of one that takes nothing new as well; 1: all",
    "mixer, rtmp_egress",
    "kind",
    "location",
)

API = _histogram(
    "api.request.duration",
    ANSWER,
    "Requests answered; streams of events are counted when they end",
    "gateway",
    "method",
    "route",
    "status",
)

CONFERENCES = _gauge(
    "conferences",
    "{conference}",
    "Conferences that run; the same in each replica",
    "conference_state",
)
PARTICIPANTS = _gauge(
    "participants",
    "{participant}",
    "Who takes part, by kind: `person`, `stream`, `recording`; the same in each replica",
    "conference_state",
    "kind",
)
COMMANDS = _counter(
    "conference.commands",
    "{command}",
    "Commands decided, by what came of them",
    "conference_state",
    "command",
    "outcome",
)
CALLS_ENDED = _counter(
    "conference.calls.ended", "{call}", "Calls that ended, and why", "conference_state", "reason"
)

ROUTED = _counter(
    "routing.decisions", "{call}", "Legs of calls routed (`ok`) or refused", "routing", "outcome"
)

UNASSIGNED = _gauge(
    "scheduler.unassigned_sessions",
    "{session}",
    "Sessions that had no living worker at the last look",
    "scheduler",
)
WORKERS = _gauge("scheduler.workers", "{worker}", "Workers that are alive", "scheduler", "kind")
ASSIGNED = _counter(
    "scheduler.assignments",
    "{assignment}",
    "Mixes, sessions and destinations given to workers",
    "scheduler",
    "kind",
)
REFUSED = _counter(
    "scheduler.refusals",
    "{refusal}",
    "Work that no worker took: `no-worker`, `silent`, `feeds`, or what most workers said",
    "scheduler",
    "kind",
    "reason",
)
BIDS = _counter(
    "scheduler.bids",
    "{bid}",
    "What workers said when asked: `ok` or why not",
    "scheduler",
    "kind",
    "outcome",
)
LOST_WORKERS = _counter(
    "scheduler.workers.lost", "{worker}", "Workers that fell silent", "scheduler", "kind"
)
QUEUED = _histogram(
    "scheduler.queue.duration",
    ANSWER,
    "From a call's routing, or a conference's beginning, to its assignment",
    "scheduler",
    "kind",
)

MIXER_CAPACITY = _gauge(
    "mixer.capacity", "{conference}", "Conferences that the worker takes", "mixer"
)
MIXER_USED = _gauge("mixer.used", "{conference}", "Conferences that it has", "mixer")
MIXER_DRAINING = _gauge("mixer.draining", "{worker}", "1 while it takes nothing new", "mixer")
COMPOSE = _histogram(
    "mixer.compose.duration", PICTURE, "Drawing one picture of one feed", "mixer", *_MIX
)
DRAWN = _counter("mixer.pictures", "{picture}", "Pictures drawn for all feeds", "mixer", *_MIX)
LATE = _counter(
    "mixer.pictures.late", "{picture}", "Left out because drawing was late", "mixer", *_MIX
)
MISSED = _counter(
    "mixer.pictures.missed", "{picture}", "Not handed over because a taker was slow", "mixer", *_MIX
)
FEEDS = _gauge("mixer.feeds", "{feed}", "Different pictures that are drawn", "mixer", *_MIX)
TAKERS = _gauge("mixer.takers", "{session}", "Sessions that take them", "mixer", *_MIX)
MIX_CPU = _counter("mixer.cpu.time", "s", "CPU time of a conference's process", "mixer", *_MIX)
SOURCES = _gauge(
    "mixer.sources", "{source}", "Participants' media by state", "mixer", *_MIX, "state"
)
STAGE = _counter(
    "mixer.stage.switches", "{switch}", "Times that others were heard first", "mixer", *_MIX
)
SRT_RECEIVED = _counter(
    "mixer.srt.packets", "{packet}", "Packets received over SRT", "mixer", *_MIX
)
SRT_LOST = _counter("mixer.srt.packets.lost", "{packet}", "Packets missed at first", "mixer", *_MIX)
SRT_DROPPED = _counter(
    "mixer.srt.packets.dropped", "{packet}", "Packets that came too late, or never", "mixer", *_MIX
)
CALLS = _gauge(
    "webrtc.calls",
    "{call}",
    "Calls of browsers: `connecting`, `connected`",
    "mixer",
    *_MIX,
    "state",
)
CALL_ENCODINGS = _gauge(
    "webrtc.encodings",
    "{encoding}",
    "Different pictures that are encoded for browsers",
    "mixer",
    *_MIX,
)
CALL_PICTURES = _counter("webrtc.pictures", "{picture}", "Encoded for browsers", "mixer", *_MIX)
CALL_KEY_FRAMES = _counter(
    "webrtc.key_frames",
    "{picture}",
    "Key frames among them; each lost picture costs one",
    "mixer",
    *_MIX,
)
CALL_RECEIVED = _counter("webrtc.received", "{packet}", "RTP packets from browsers", "mixer", *_MIX)
CALL_RECEIVED_LOST = _counter(
    "webrtc.received.lost", "{packet}", "Packets from browsers that did not come", "mixer", *_MIX
)
CALL_SENT = _counter("webrtc.sent", "{packet}", "RTP packets to browsers", "mixer", *_MIX)
CALL_SENT_LOST = _counter(
    "webrtc.sent.lost",
    "{packet}",
    "Packets to browsers that did not arrive, as they say",
    "mixer",
    *_MIX,
)
CALL_JITTER = _gauge(
    "webrtc.jitter", "s", "Of what browsers send, the worst call's", "mixer", *_MIX
)
CALL_ROUND_TRIP = _gauge(
    "webrtc.round_trip", "s", "To browsers and back, the longest", "mixer", *_MIX
)

EGRESS_CAPACITY = _gauge(
    "egress.capacity", "{session}", "Sessions that the worker takes", "rtmp_egress"
)
EGRESS_USED = _gauge("egress.used", "{session}", "Sessions that it has", "rtmp_egress")
EGRESS_DRAINING = _gauge(
    "egress.draining", "{worker}", "1 while it takes nothing new", "rtmp_egress"
)
SESSIONS = _gauge(
    "egress.sessions",
    "{session}",
    "Sessions by state: `starting`, `running`, `recovering`, `failed`",
    "rtmp_egress",
    *_MIX,
    "state",
    "encoder",
    "reason",
)
DEGRADED = _gauge(
    "egress.degraded",
    "{session}",
    "1 for each measure that a session has taken because its encoder cannot keep up",
    "rtmp_egress",
    *_MIX,
    "session",
    "measure",
)
TOOK_OVER = _counter(
    "egress.encoder.successions",
    "{encoder}",
    "Encoders that took over from one that died",
    "rtmp_egress",
    "encoder",
)
ENCODE = _histogram(
    "egress.encode.duration",
    PICTURE,
    "The media thread's time to encode one fresh picture",
    "rtmp_egress",
    *_MIX,
    "encoder",
)
ENCODED = _counter(
    "egress.pictures", "{picture}", "Pictures of the output", "rtmp_egress", *_MIX, "picture"
)
LATE_ENCODED = _counter(
    "egress.pictures.late",
    "{picture}",
    "The mixer's pictures that came too late to be encoded",
    "rtmp_egress",
    *_MIX,
)
SILENCE = _counter(
    "egress.silence.time", "s", "Silence that was made up for missing sound", "rtmp_egress", *_MIX
)
SKEW = _gauge(
    "egress.av.skew",
    "s",
    "How much further the sound has got than the picture at the encoder; -0.1 to 0 is usual, "
    "as sound is mixed in blocks and comes behind the picture",
    "rtmp_egress",
    *_MIX,
    "session",
)
DESTINATIONS = _gauge(
    "egress.destinations",
    "{destination}",
    "1 for the state that a destination is in, and its reason",
    "rtmp_egress",
    *_DESTINATION,
    "state",
    "reason",
)
ENDED = _counter(
    "egress.destinations.ended",
    "{destination}",
    "Destinations that are over: `stopped` or `failed`",
    "rtmp_egress",
    "state",
    "reason",
)
RETRIES = _counter(
    "egress.retries",
    "{dial}",
    "Dials after the first, by what they were for",
    "rtmp_egress",
    *_DESTINATION,
    "reason",
)
DIAL = _histogram(
    "egress.dial.duration",
    START,
    "From a dial to the first key frame sent, or to its failure",
    "rtmp_egress",
    "outcome",
)
ON_AIR = _histogram(
    "egress.start.duration",
    START,
    "From a destination's assignment to its first key frame sent",
    "rtmp_egress",
)
SENT = _counter(
    "egress.sent",
    "By",
    "Handed to the connection, RTMP's own included",
    "rtmp_egress",
    *_DESTINATION,
)
DROPPED = _counter(
    "egress.pictures.dropped",
    "{picture}",
    "Pictures left out because a destination was too slow",
    "rtmp_egress",
    *_DESTINATION,
)
QUEUE = _gauge("egress.queue", "s", "Media that waits to be sent", "rtmp_egress", *_DESTINATION)

RECORDING = _gauge(
    "recording.active", "{recording}", "Recordings that this host writes", "rtmp_egress"
)
RECORDED = _gauge(
    "recording.stored", "By", "Closed files of recordings on this host's disk", "rtmp_egress"
)
FREE = _gauge("recording.free", "By", "Free space of the disk for recordings", "rtmp_egress")
UPLOADS = _gauge(
    "recording.uploads.waiting",
    "{file}",
    "Closed files that the store has not got yet",
    "rtmp_egress",
)
UPLOAD_FAILURES = _counter(
    "recording.uploads.failed", "{try}", "Tries to upload that failed", "rtmp_egress"
)

TELLING = _gauge(
    "webhooks.waiting",
    "{conference}",
    "Conferences of which an event sink has not taken everything yet",
    "webhooks",
)
