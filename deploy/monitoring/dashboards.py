"""Three dashboards for Grafana, made of the metrics that are declared: `make metrics`.

They are in the chart, from where compose mounts them, too.
"""

import json
from pathlib import Path
from typing import Any

from kit.metrics import declared as m
from kit.metrics.declared import Metric

FOLDER = Path(__file__).parents[1] / "helm" / "rostrum" / "files" / "dashboards"

SOURCE = {"type": "prometheus", "uid": "${datasource}"}

WINDOW = "[$__rate_interval]"

Query = tuple[str, str]
"""Expression and legend."""

MIX = 'conference="$conference"'
ONE = 'destination="$destination"'

WIDE, NARROW = 8, 4
"""Columns of 24: a graph's, a number's."""


def rate(metric: Metric, by: str = "", where: str = "", factor: str = "") -> str:
    return f"{factor}sum {_by(by)}(rate({metric.sample}{_where(where)}{WINDOW}))"


def total(metric: Metric, by: str = "", where: str = "", how: str = "sum") -> str:
    return f"{how} {_by(by)}({metric.sample}{_where(where)})"


def quantiles(metric: Metric, where: str = "", by: str = "") -> list[Query]:
    buckets = f"rate({metric.sample}_bucket{_where(where)}{WINDOW})"
    keys = "le" + (f", {by}" if by else "")
    legend = f" {{{{{by}}}}}" if by else ""
    return [
        (f"histogram_quantile({q}, sum by ({keys}) ({buckets}))", f"{name}{legend}")
        for q, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %"))
    ]


def _by(labels: str) -> str:
    return f"by ({labels}) " if labels else ""


def _where(matchers: str) -> str:
    return f"{{{matchers}}}" if matchers else ""


def graph(title: str, unit: str, *queries: Query, about: str = "", stacked: bool = False) -> Any:
    return {
        "type": "timeseries",
        "title": title,
        "description": about,
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "min": None if unit == "s" and "skew" in title else 0,
                "custom": {
                    "fillOpacity": 20 if stacked else 5,
                    "lineWidth": 1,
                    "showPoints": "never",
                    "stacking": {"mode": "normal" if stacked else "none"},
                },
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": _targets(queries),
    }


def number(title: str, query: str, unit: str = "short", *, bad_from: float | None = None) -> Any:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if bad_from is not None:
        steps.append({"color": "red", "value": bad_from})
    return {
        "type": "stat",
        "title": title,
        "fieldConfig": {
            "defaults": {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"},
        "targets": _targets([(query, "")]),
    }


def _targets(queries: Any) -> list[dict[str, Any]]:
    return [
        {
            "refId": chr(ord("A") + n),
            "expr": expr,
            "legendFormat": legend,
            "exemplar": "_bucket" in expr,
            "datasource": SOURCE,
        }
        for n, (expr, legend) in enumerate(queries)
    ]


def overview() -> dict[str, Any]:
    place = "kind, location"
    room = f"{total(m.ROOM_TAKEN, place)} / {total(m.ROOM, place)}"
    in_state = '{m}{{state="{s}"}}'
    recovering = in_state.format(m=m.DESTINATIONS.sample, s="recovering")
    publishing = in_state.format(m=m.DESTINATIONS.sample, s="publishing")
    panels = [
        number("Conferences", f"max({m.CONFERENCES.sample})"),
        number("Sessions", f"sum({m.SESSIONS.sample})"),
        number("On the air", f"sum({publishing}) or vector(0)"),
        number("Recovering", f"sum({recovering}) or vector(0)", bad_from=1),
        number("Wait for a worker", f"max({m.UNASSIGNED.sample})", bad_from=1),
        number("Services not ready", f"count({m.READY.sample} == 0) or vector(0)", bad_from=1),
        graph(
            "Destinations by state",
            "short",
            (total(m.DESTINATIONS, "state"), "{{state}}"),
            stacked=True,
        ),
        graph(
            "Trouble of destinations, by reason",
            "short",
            (total(m.DESTINATIONS, "reason", 'reason!=""'), "{{reason}}"),
            about="reason-codes.md says what each means and what to do.",
        ),
        graph("Retries", "ops", (rate(m.RETRIES, "reason"), "{{reason}}")),
        graph(
            "Sessions by state",
            "short",
            (total(m.SESSIONS, "state, encoder, reason"), "{{state}} {{encoder}} {{reason}}"),
            stacked=True,
        ),
        graph("Destinations over", "ops", (rate(m.ENDED, "state, reason"), "{{state}} {{reason}}")),
        graph("Assigned", "ops", (rate(m.ASSIGNED, "kind"), "{{kind}}")),
        graph(
            "Encoders that cannot keep up",
            "short",
            (total(m.DEGRADED, "measure"), "{{measure}}"),
            about="Sessions that do less than they should, by what they leave.",
        ),
        graph("Encoders that took over", "ops", (rate(m.TOOK_OVER, "encoder"), "{{encoder}}")),
        graph(
            "Room taken",
            "percentunit",
            (room, "{{kind}} {{location}}"),
            (total(m.FULLNESS, place, how="max"), "{{kind}} {{location}}, the fullest"),
            about="By what work costs where it runs.",
        ),
        graph("Room left", "short", (total(m.ROOM_FREE, place), "{{kind}} {{location}}")),
        graph(
            "Refused, by reason", "ops", (rate(m.REFUSED, "kind, reason"), "{{kind}} {{reason}}")
        ),
        graph("Workers' answers", "ops", (rate(m.BIDS, "kind, outcome"), "{{kind}} {{outcome}}")),
        graph("From assignment to the first key frame", "s", *quantiles(m.ON_AIR)),
        graph("Dial", "s", *quantiles(m.DIAL, by="outcome")),
        graph("Wait for an assignment", "s", *quantiles(m.QUEUED, by="kind")),
        graph("Compose a picture", "s", *quantiles(m.COMPOSE)),
        graph("Encode a picture", "s", *quantiles(m.ENCODE, by="encoder")),
        graph(
            "Pictures late or dropped",
            "ops",
            (rate(m.LATE), "left out by mixers"),
            (rate(m.MISSED), "missed by slow takers"),
            (rate(m.LATE_ENCODED), "too late to be encoded"),
            (rate(m.DROPPED), "dropped for slow destinations"),
        ),
        graph("Sent", "bps", (rate(m.SENT, factor="8 * "), "all")),
        graph("API", "reqps", (rate_of_count(m.API, "method, status"), "{{method}} {{status}}")),
        graph(
            "API, duration",
            "s",
            *quantiles(m.API, 'route!~".*/events"'),
            about="Without streams of events, which end when somebody leaves.",
        ),
        graph(
            "Waits on the bus",
            "short",
            (total(m.LAG, "stream, durable", how="max"), "{{stream}} {{durable}}"),
            (total(m.TELLING), "conferences for event sinks"),
        ),
        graph("Handling of a message", "s", *quantiles(m.HANDLING, by="durable")),
        graph(
            "Died, parked, lost",
            "ops",
            (rate(m.DEATHS, "module"), "{{module}} died"),
            (rate(m.PARKED, "durable"), "parked for {{durable}}"),
            (rate(m.LOST_WORKERS, "kind"), "{{kind}} worker lost"),
        ),
        graph(
            "Recordings",
            "short",
            (total(m.RECORDING), "being made"),
            (total(m.UPLOADS, how="max"), "files to upload"),
        ),
        graph(
            "Disk of recordings",
            "bytes",
            (total(m.FREE, how="min"), "free"),
            (total(m.RECORDED, how="max"), "recordings"),
        ),
        graph("Uploads that failed", "ops", (rate(m.UPLOAD_FAILURES), "tries")),
        graph("Calls ended", "ops", (rate(m.CALLS_ENDED, "reason"), "{{reason}}")),
        graph("Who takes part", "short", (total(m.PARTICIPANTS, "kind", how="max"), "{{kind}}")),
        graph("Commands", "ops", (rate(m.COMMANDS, "outcome"), "{{outcome}}")),
        graph("Routed", "ops", (rate(m.ROUTED, "outcome"), "{{outcome}}")),
        graph("Workers", "short", (total(m.WORKERS, "kind", how="max"), "{{kind}}")),
    ]
    return dashboard("rostrum-overview", "Rostrum: overview", panels)


def rate_of_count(metric: Metric, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric.sample}_count{_where(where)}{WINDOW}))"


def conference() -> dict[str, Any]:
    panels = [
        number("Sources live", total(m.SOURCES, where=f'{MIX}, state="live"')),
        number(
            "Sources in trouble",
            total(m.SOURCES, where=f'{MIX}, state=~"stalled|broken"'),
            bad_from=1,
        ),
        number("Feeds", total(m.FEEDS, where=MIX)),
        number("Sessions", total(m.SESSIONS, where=MIX)),
        number("Destinations", total(m.DESTINATIONS, where=MIX)),
        number("CPU of the mix", rate(m.MIX_CPU, where=MIX), "percentunit"),
        graph("Sources", "short", (total(m.SOURCES, "state", MIX), "{{state}}"), stacked=True),
        graph("Compose a picture", "s", *quantiles(m.COMPOSE, MIX)),
        graph(
            "Pictures of the mix",
            "ops",
            (rate(m.DRAWN, where=MIX), "drawn"),
            (rate(m.LATE, where=MIX), "left out, late"),
            (rate(m.MISSED, where=MIX), "missed by slow takers"),
        ),
        graph("Switches of the stage", "ops", (rate(m.STAGE, where=MIX), "to another voice")),
        graph("Taken", "short", (total(m.TAKERS, where=MIX), "sessions")),
        graph(
            "SRT packets",
            "ops",
            (rate(m.SRT_RECEIVED, where=MIX), "received"),
            (rate(m.SRT_LOST, where=MIX), "missed at first"),
            (rate(m.SRT_DROPPED, where=MIX), "too late or never"),
            about="Of sources that come by SRT; others come by TCP, which tells no losses.",
        ),
        graph("Browsers' calls", "short", (total(m.CALLS, "state", MIX), "{{state}}")),
        graph(
            "Packets of browsers",
            "ops",
            (rate(m.CALL_RECEIVED, where=MIX), "received"),
            (rate(m.CALL_RECEIVED_LOST, where=MIX), "did not come"),
            (rate(m.CALL_SENT, where=MIX), "sent"),
            (rate(m.CALL_SENT_LOST, where=MIX), "did not arrive"),
            about="By WebRTC. What is lost is sent again where there is time for it.",
        ),
        graph(
            "Jitter and round trip of browsers",
            "s",
            (total(m.CALL_JITTER, where=MIX, how="max"), "jitter, worst call"),
            (total(m.CALL_ROUND_TRIP, where=MIX, how="max"), "round trip, longest"),
        ),
        graph(
            "Pictures encoded for browsers",
            "ops",
            (rate(m.CALL_PICTURES, where=MIX), "pictures"),
            (rate(m.CALL_KEY_FRAMES, where=MIX), "key frames"),
            (total(m.CALL_ENCODINGS, where=MIX), "encodings"),
            about="One encoding for all who see the same.",
        ),
        graph("Encode a picture", "s", *quantiles(m.ENCODE, MIX, "encoder")),
        graph(
            "Pictures of the output",
            "ops",
            (rate(m.ENCODED, "picture", MIX), "{{picture}}"),
            (rate(m.LATE_ENCODED, where=MIX), "came too late"),
            stacked=True,
        ),
        graph(
            "Sound",
            "s",
            (rate(m.SILENCE, where=MIX), "silence made up, per second"),
            about="Made up while the mixer gives none.",
        ),
        graph(
            "Measures of encoders that cannot keep up",
            "short",
            (total(m.DEGRADED, "session, measure", MIX), "{{session}} {{measure}}"),
        ),
        graph("A/V skew at the encoder", "s", (total(m.SKEW, "session", MIX), "{{session}}")),
        graph(
            "Destinations",
            "short",
            (
                total(m.DESTINATIONS, "destination, leg, state, reason", MIX),
                "{{destination}} {{leg}}: {{state}} {{reason}}",
            ),
        ),
        graph(
            "Sent",
            "bps",
            (rate(m.SENT, "destination, leg", MIX, "8 * "), "{{destination}} {{leg}}"),
        ),
    ]
    variable = ("conference", "Conference (metrics_id)", m.FEEDS)
    return dashboard("rostrum-conference", "Rostrum: one conference", panels, variable)


def destination() -> dict[str, Any]:
    of_it = f"and on (conference) {m.DESTINATIONS.sample}{{{ONE}}}"
    pictures = f"sum by (picture) (rate({m.ENCODED.sample}{WINDOW}) {of_it})"
    encode = f"sum by (le) (rate({m.ENCODE.sample}_bucket{WINDOW}) {of_it})"
    panels = [
        number("Bit rate", rate(m.SENT, where=ONE, factor="8 * "), "bps"),
        number("Queue", total(m.QUEUE, where=ONE, how="max"), "s", bad_from=3),
        number("Pictures dropped", total(m.DROPPED, where=ONE), bad_from=1),
        number("Retries", f"sum({m.RETRIES.sample}{{{ONE}}}) or vector(0)", bad_from=1),
        number("Sent", total(m.SENT, where=ONE), "bytes"),
        graph(
            "State",
            "short",
            (total(m.DESTINATIONS, "leg, state, reason", ONE), "{{leg}}: {{state}} {{reason}}"),
            about="reason-codes.md says what each reason means and what to do.",
        ),
        graph("Bit rate", "bps", (rate(m.SENT, "leg", ONE, "8 * "), "{{leg}}")),
        graph(
            "Media that waits",
            "s",
            (total(m.QUEUE, "leg", ONE), "{{leg}}"),
            about="Beyond six seconds whole groups of pictures are dropped.",
        ),
        graph("Pictures dropped", "ops", (rate(m.DROPPED, "leg", ONE), "{{leg}}")),
        graph("Retries", "ops", (rate(m.RETRIES, "reason", ONE), "{{reason}}")),
        graph("Its conference's pictures", "ops", (pictures, "{{picture}}"), stacked=True),
        graph("Its conference's encoders", "s", (f"histogram_quantile(0.95, {encode})", "95 %")),
    ]
    variable = ("destination", "Destination (participant's id)", m.DESTINATIONS)
    return dashboard("rostrum-destination", "Rostrum: one destination", panels, variable)


def dashboard(
    uid: str, title: str, panels: list[Any], variable: tuple[str, str, Metric] | None = None
) -> dict[str, Any]:
    variables: list[dict[str, Any]] = [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    ]
    if variable is not None:
        name, label, metric = variable
        query = f"label_values({metric.sample}, {name})"
        variables.append(
            {
                "name": name,
                "label": label,
                "type": "query",
                "datasource": SOURCE,
                "query": {"query": query, "refId": "A"},
                "definition": query,
                "refresh": 2,
                "sort": 1,
            }
        )
    return {
        "uid": uid,
        "title": title,
        "tags": ["rostrum"],
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": variables},
        "links": [
            {
                "type": "dashboards",
                "tags": ["rostrum"],
                "title": "Rostrum",
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "panels": list(_placed(panels)),
    }


def _placed(panels: list[Any]) -> Any:
    x = y = height = 0
    for number_, panel in enumerate(panels, 1):
        wide, high = (NARROW, 4) if panel["type"] == "stat" else (WIDE, 8)
        if x + wide > 24 or (height and high != height):
            x, y = 0, y + height
        height = high
        at = {"x": x, "y": y, "w": wide, "h": high}
        yield {"id": number_, "gridPos": at, "datasource": SOURCE, **panel}
        x += wide


def written() -> dict[str, str]:
    """The text of each file."""
    return {
        f"{made['uid']}.json": json.dumps(made, indent=1) + "\n"
        for made in (overview(), conference(), destination())
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in written().items():
        (FOLDER / name).write_text(text)
