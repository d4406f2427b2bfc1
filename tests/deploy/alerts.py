"""For each alert: figures that set it off, when, and what it then says."""

from typing import NamedTuple


class Case(NamedTuple):
    alert: str
    series: dict[str, str]
    "In promtool's words: `0+10x20` are 20 steps of ten, 15 seconds apart."
    at: str
    labels: dict[str, str]
    says: str


MIX = {"conference": "c0ffee00"}
TUBE = {**MIX, "destination": "tube", "leg": "single"}

PICTURES = "rostrum_egress_pictures_total"
DRAWN = "rostrum_mixer_pictures"
SRT = "rostrum_mixer_srt_packets"
API = "rostrum_api_request_duration_seconds"


def series(name: str, **labels: str) -> str:
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def histogram(name: str, slow: str, fast: str, **labels: str) -> dict[str, str]:
    """All values lie between the two bounds."""
    made = {series(f"{name}_bucket", **labels, le=fast): "0x80"}
    for bound in (slow, "+Inf"):
        made[series(f"{name}_bucket", **labels, le=bound)] = "0+100x80"
    return made


ALIVE = (
    *("rostrum_conferences", "rostrum_scheduler_unassigned_sessions", "rostrum_webhooks_waiting"),
    *("rostrum_mixer_capacity", "rostrum_egress_capacity"),
    series("rostrum_bus_consumer_lag", stream="CONFERENCE", durable="routing"),
    series(f"{API}_count", method="GET", route="/health/ready", status="200"),
)
"""Of each service a figure that it has whatever happens."""

CASES = [
    Case(
        "RostrumServiceDown",
        {series("up", job="rostrum", instance="mixer:8081"): "1x2 0x20"},
        "3m",
        {"job": "rostrum", "instance": "mixer:8081"},
        "mixer:8081 does not answer",
    ),
    Case(
        "RostrumServiceGone",
        {name: "1x2" if "mixer" in name else "1x40" for name in ALIVE},
        "9m",
        {"service": "mixer"},
        "No mixer answers at all",
    ),
    Case(
        "RostrumServiceNotReady",
        {series("rostrum_ready", instance="mixer:8081"): "0x20"},
        "2m",
        {"instance": "mixer:8081"},
        "mixer:8081 has no bus, or is stopping",
    ),
    Case(
        "RostrumSessionsUnassigned",
        {"rostrum_scheduler_unassigned_sessions": "2x20"},
        "1m",
        {},
        "2 sessions have no worker",
    ),
    Case(
        "RostrumWorkRefused",
        {series("rostrum_scheduler_refusals_total", kind="session", reason="full"): "_x20 1x5"},
        "5m15s",
        {"kind": "session", "reason": "full"},
        "No worker took a session: full",
    ),
    Case(
        "RostrumMixersFull",
        {"rostrum_mixer_used": "19x20", "rostrum_mixer_capacity": "20x20"},
        "3m",
        {},
        "95% of all places for conferences are taken",
    ),
    Case(
        "RostrumEgressFull",
        {"rostrum_egress_used": "8x20", "rostrum_egress_capacity": "8x20"},
        "3m",
        {},
        "100% of all places for sessions are taken",
    ),
    Case(
        "RostrumNoRoom",
        {
            series("rostrum_room_free", kind="egress", location="Oslo", pod="a"): "1x4 0x20",
            series("rostrum_room_free", kind="egress", location="Oslo", pod="b"): "0x24",
            series("rostrum_room_free", kind="egress", location="Paris", pod="c"): "1x24",
            series("rostrum_room_free", kind="mixer", location="Oslo", pod="b"): "2x24",
        },
        "3m",
        {"kind": "egress", "location": "Oslo"},
        "No egress worker in “Oslo” has room for more",
    ),
    Case(
        "RostrumWorkerLost",
        {series("rostrum_scheduler_workers_lost_total", kind="egress"): "3x20 4x5"},
        "5m15s",
        {"kind": "egress"},
        "A worker fell silent (egress); its work was given to others",
    ),
    Case(
        "RostrumMediaProcessesDie",
        {series("rostrum_child_deaths_total", module="session"): "0+1x20"},
        "5m",
        {"module": "session"},
        "Processes of session die again and again",
    ),
    Case(
        "RostrumDestinationsRecovering",
        {series("rostrum_egress_destinations", **TUBE, state="recovering", reason="dns"): "1x20"},
        "2m",
        {"reason": "dns"},
        "1 destinations are not on the air: dns",
    ),
    Case(
        "RostrumDestinationFailed",
        {
            series(
                "rostrum_egress_destinations_ended_total", state="failed", reason="publish-denied"
            ): "_x20 1x5"
        },
        "5m15s",
        {"reason": "publish-denied"},
        "A destination was given up: publish-denied",
    ),
    Case(
        "RostrumDestinationTooSlow",
        {series("rostrum_egress_pictures_dropped_total", **TUBE): "0+60x20"},
        "3m",
        TUBE,
        "tube is too slow for its stream; pictures are dropped",
    ),
    Case(
        "RostrumSlateOnAir",
        {series(PICTURES, **MIX, picture="slate"): "0+450x20"},
        "2m",
        MIX,
        "Viewers of conference c0ffee00 see the slate",
    ),
    Case(
        "RostrumPicturesRepeated",
        {
            series(PICTURES, **MIX, picture="repeated"): "0+45x20",
            series(PICTURES, **MIX, picture="fresh"): "0+405x20",
        },
        "4m",
        MIX,
        "10% of the pictures of conference c0ffee00 are the one before again",
    ),
    Case(
        "RostrumMixerLate",
        {
            series(f"{DRAWN}_total", **MIX): "0+400x20",
            series(f"{DRAWN}_late_total", **MIX): "0+20x20",
        },
        "4m",
        MIX,
        "The mixer of conference c0ffee00 leaves out 5% of its pictures",
    ),
    Case(
        "RostrumStreamDegraded",
        {series("rostrum_egress_degraded", **MIX, session="s1", measure="size"): "1x20"},
        "3m",
        {**MIX, "measure": "size"},
        "A stream of conference c0ffee00 is less than it should be: size",
    ),
    Case(
        "RostrumEncoderDied",
        {series("rostrum_egress_encoder_successions_total", encoder="libx264"): "_x20 1x5"},
        "5m15s",
        {"encoder": "libx264"},
        "An encoder died, and libx264 took over",
    ),
    Case(
        "RostrumEncoderSlow",
        histogram(
            "rostrum_egress_encode_duration_seconds", "0.1", "0.05", **MIX, encoder="libx264"
        ),
        "5m",
        MIX,
        "Encoding a picture of conference c0ffee00 takes longer than one of 30 a second lasts",
    ),
    Case(
        "RostrumSoundMissing",
        {series("rostrum_egress_silence_time_seconds_total", **MIX): "0+15x20"},
        "3m",
        MIX,
        "Sound is missing in the streams of conference c0ffee00",
    ),
    Case(
        "RostrumSoundOffPicture",
        {series("rostrum_egress_av_skew_seconds", **MIX, session="s1"): "-2x20"},
        "1m",
        MIX,
        "Sound and picture of conference c0ffee00 come 2s apart",
    ),
    Case(
        "RostrumSourcesBroken",
        {series("rostrum_mixer_sources", **MIX, state="broken"): "3x20"},
        "3m",
        MIX,
        "3 participants of conference c0ffee00 have no media",
    ),
    Case(
        "RostrumSrtLosses",
        {
            series(f"{SRT}_total", **MIX): "0+1000x20",
            series(f"{SRT}_dropped_total", **MIX): "0+10x20",
        },
        "4m",
        MIX,
        "SRT sources of conference c0ffee00 lose packets",
    ),
    Case(
        "RostrumSlowStart",
        histogram("rostrum_egress_start_duration_seconds", "10", "10"),
        "5m",
        {},
        "Nine of ten calls are on the air only after 9s",
    ),
    Case(
        "RostrumConsumerLags",
        {series("rostrum_bus_consumer_lag", stream="ROUTING", durable="scheduler"): "250x20"},
        "2m",
        {"stream": "ROUTING", "durable": "scheduler"},
        "scheduler is 250 messages of ROUTING behind",
    ),
    Case(
        "RostrumMessageParked",
        {
            series(
                "rostrum_bus_parked_total", stream="EGRESS", durable="conference-state"
            ): "_x9 1x9"
        },
        "2m30s",
        {"stream": "EGRESS", "durable": "conference-state"},
        "conference-state could not handle a message of EGRESS",
    ),
    Case(
        "RostrumApiFails",
        {
            series(f"{API}_count", method="GET", route="/", status="500"): "0+5x20",
            series(f"{API}_count", method="GET", route="/", status="200"): "0+45x20",
        },
        "4m",
        {},
        "10% of the requests fail",
    ),
    Case(
        "RostrumApiSlow",
        histogram(API, "2", "2", method="GET", route="/", status="200"),
        "5m",
        {},
        "Requests take 1.9s",
    ),
    Case(
        "RostrumRecordingDiskFull",
        {"rostrum_recording_free_bytes": "1073741824x20"},
        "2m",
        {},
        "1GiB are left for recordings",
    ),
    Case(
        "RostrumUploadsWait",
        {"rostrum_recording_uploads_waiting": "4x200"},
        "40m",
        {},
        "4 files of recordings are not in the store",
    ),
]

WELL = {
    **dict.fromkeys(ALIVE, "0x100"),
    series("up", job="rostrum", instance="mixer:8081"): "1x100",
    series("rostrum_ready", instance="mixer:8081"): "1x100",
    "rostrum_scheduler_unassigned_sessions": "0x100",
    "rostrum_mixer_used": "2x100",
    "rostrum_mixer_capacity": "8x100",
    "rostrum_egress_used": "3x100",
    "rostrum_egress_capacity": "8x100",
    series("rostrum_room_free", kind="egress", location="Oslo", pod="a"): "1x100",
    series("rostrum_room_free", kind="egress", location="Oslo", pod="b"): "0x100",
    series("rostrum_scheduler_refusals_total", kind="session", reason="full"): "3x100",
    series("rostrum_child_deaths_total", module="session"): "1x100",
    series("rostrum_egress_destinations", **TUBE, state="publishing", reason=""): "1x100",
    series("rostrum_egress_destinations_ended_total", state="failed", reason="dns"): "1x100",
    series("rostrum_egress_destinations_ended_total", state="stopped", reason=""): "0+1x100",
    series("rostrum_egress_pictures_dropped_total", **TUBE): "0x100",
    series(PICTURES, **MIX, picture="fresh"): "0+448x100",
    series(PICTURES, **MIX, picture="repeated"): "0+2x100",
    series(PICTURES, **MIX, picture="slate"): "90x100",
    series(f"{DRAWN}_total", **MIX): "0+450x100",
    series(f"{DRAWN}_late_total", **MIX): "0+1x100",
    series("rostrum_egress_silence_time_seconds_total", **MIX): "2x100",
    series("rostrum_egress_av_skew_seconds", **MIX, session="s1"): "-0.08x100",
    series("rostrum_mixer_sources", **MIX, state="live"): "5x100",
    series("rostrum_mixer_sources", **MIX, state="broken"): "0x100",
    series(f"{SRT}_total", **MIX): "0+1000x100",
    series(f"{SRT}_dropped_total", **MIX): "0x100",
    series("rostrum_bus_consumer_lag", stream="ROUTING", durable="scheduler"): "3x100",
    series(f"{API}_count", method="GET", route="/", status="200"): "0+45x100",
    "rostrum_recording_free_bytes": "1e12x100",
    "rostrum_recording_uploads_waiting": "0x100",
}
"""A busy day on which nobody needs to be woken."""
