"""Dashboards and alerts: they name what there is, say what to do, and go off when they should."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.monitoring.dashboards import FOLDER, written
from kit.metrics.declared import ALL
from tests.deploy.alerts import CASES, WELL, Case
from tests.deploy.alerts import series as series_of
from tests.deploy.chart import ROOT, of_kind, rendered
from tests.deploy.generate import CHART

RULES = CHART / "files" / "alerts.yaml"

NAME = re.compile(r"\brostrum_[a-z0-9_]+")

EVERYTHING = CHART / "ci" / "everything.yaml"


POD = "stage-media-t4-7c9f5d8b4-x2x9a"
OF = {"namespace": "live"}
WAITING = series_of("rostrum_scheduler_unassigned_sessions", **OF, pod="scheduler")


def room(kind: str, **labels: str) -> str:
    return series_of("rostrum_room", **{**OF, "kind": kind, **labels})


def taken(kind: str, **labels: str) -> str:
    return series_of("rostrum_room_taken", **{**OF, "kind": kind, **labels})


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def expressions() -> dict[str, str]:
    """Every query of a dashboard or an alert, by where it is."""
    found = {f"alert {rule['alert']}": rule["expr"] for rule in rules()}
    for path in FOLDER.glob("*.json"):
        made = json.loads(path.read_text())
        for panel in made["panels"]:
            for target in panel["targets"]:
                found[f"{path.stem}: {panel['title']} {target['refId']}"] = target["expr"]
        for variable in made["templating"]["list"]:
            found[f"{path.stem}: ${variable['name']}"] = str(variable.get("definition", ""))
    return found


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    assert found, "install prometheus, whose package has promtool"
    return subprocess.run([found, *map(str, arguments)], capture_output=True, text=True)


def names() -> dict[str, str]:
    """What a query may name: of a histogram its three series."""
    known: dict[str, str] = {}
    for metric in ALL:
        behind = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        known |= {f"{metric.sample}{end}": metric.name for end in behind}
    return known


def test_the_dashboards_are_as_they_are_made() -> None:
    kept = {path.name: path.read_text() for path in FOLDER.glob("*.json")}

    assert kept == written(), "make metrics"


def test_whatever_is_queried_is_declared() -> None:
    known = names()
    unknown = {
        (where, name)
        for where, expr in expressions().items()
        for name in NAME.findall(expr)
        if name not in known
    }

    assert unknown == set()


def test_whatever_is_declared_is_looked_at() -> None:
    known = names()
    seen = {known[name] for expr in expressions().values() for name in NAME.findall(expr)}

    assert {metric.name for metric in ALL} - seen == {
        "rostrum.mixer.draining",
        "rostrum.egress.draining",
    }


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    text = (ROOT / "docs" / "runbooks.md").read_text()
    alerts = [rule["alert"] for rule in rules()]

    assert re.findall(r"^## (Rostrum\w+)$", text, re.MULTILINE) == alerts
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_prometheus_understands_every_rule() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_goes_off_and_says_why(tmp_path: Path) -> None:
    assert [case.alert for case in CASES] == [rule["alert"] for rule in rules()]

    done = _tested(tmp_path, [_goes_off(case) for case in CASES])

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_alert_goes_off_while_all_is_well(tmp_path: Path) -> None:
    quiet = [
        {"eval_time": at, "alertname": rule["alert"], "exp_alerts": []}
        for at in ("6m", "20m")
        for rule in rules()
    ]

    done = _tested(tmp_path, [_test(WELL, quiet)])

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("series", "mixer", "egress"),
    [
        ({}, 0, 0),
        ({WAITING: "2x9"}, 0, 2),
        ({room("egress", pod=POD): "8x9", taken("egress", pod=POD): "6x9"}, 0, 0.75),
        (
            # Two pods that are not alike, and a third that is going: nobody else's places count.
            {
                room("egress", pod=POD): "6x9",
                taken("egress", pod=POD): "6x9",
                room("egress", pod=POD[:-1] + "b"): "10x9",
                taken("egress", pod=POD[:-1] + "b"): "3x9",
                room("egress", pod=POD[:-1] + "c"): "0x9",
                taken("egress", pod=POD[:-1] + "c"): "1x9",
                room("mixer", pod=POD): "4x9",
                taken("mixer", pod=POD): "5x9",
                taken("egress", pod=POD, namespace="other"): "50x9",
                taken("egress", pod=POD.replace("t4", "t4-qsv")): "50x9",
                WAITING: "2x9",
            },
            1.25,
            1.5,
        ),
    ],
    ids=["nothing", "only who waits", "one pod", "several"],
)
def test_a_pool_is_scaled_by_how_many_pods_its_work_would_fill(
    series: dict[str, str], mixer: float, egress: float, tmp_path: Path
) -> None:
    [scaled] = of_kind(rendered(EVERYTHING), "ScaledObject")
    asked = [
        {"expr": trigger["metadata"]["query"], "eval_time": "1m", "exp_samples": [sample]}
        for trigger in scaled["spec"]["triggers"]
        for value in [mixer if 'kind="mixer"' in trigger["metadata"]["query"] else egress]
        for sample in [{"labels": "{}", "value": value}]
    ]
    assert len(asked) == 2

    done = _tested(tmp_path, [{**_test(series, []), "promql_expr_test": asked}])

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_chart_brings_them_where_they_are_wanted() -> None:
    objects = rendered(EVERYTHING)

    [rule] = of_kind(objects, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(RULES.read_text())
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    maps = [one for one in of_kind(objects, "ConfigMap") if one["metadata"]["name"].endswith("ard")]
    assert {name: text for one in maps for name, text in one["data"].items()} == {
        name: text.rstrip("\n") for name, text in written().items()
    }
    assert all(one["metadata"]["labels"]["grafana_dashboard"] == "1" for one in maps)


def test_nobody_gets_them_who_did_not_ask() -> None:
    objects = rendered(CHART / "ci" / "minimal.yaml")

    assert not of_kind(objects, "PrometheusRule")
    assert "dashboard" not in " ".join(o["metadata"]["name"] for o in objects)


def _tested(room: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    file = room / "alerts.test.yaml"
    body = {"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}
    file.write_text(yaml.safe_dump(body))
    return promtool("test", "rules", file)


def _goes_off(case: Case) -> dict[str, Any]:
    [rule] = [rule for rule in rules() if rule["alert"] == case.alert]
    told = {
        "exp_labels": {**case.labels, **rule["labels"]},
        "exp_annotations": {**rule["annotations"], "summary": case.says},
    }
    expected = {"eval_time": case.at, "alertname": case.alert, "exp_alerts": [told]}
    return _test(case.series, [expected])


def _test(series: dict[str, str], expected: list[dict[str, Any]]) -> dict[str, Any]:
    given = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "15s", "input_series": given, "alert_rule_test": expected}
