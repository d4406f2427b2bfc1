"""The chart, as six kinds of people would use it."""

import base64
import json
import re
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml
from kubernetes_validate import validate

from kit.keeping import Keeping
from proto.access import USERS
from tests.deploy.chart import (
    CONFIGS,
    RELEASE,
    ROOT,
    SEALERS,
    SETS,
    Object,
    Pod,
    env,
    image,
    leaves,
    of_kind,
    pods,
    pools,
    refused,
    rendered,
    run,
    settings,
    targets,
    text,
)
from tests.deploy.crds import CRDS
from tests.deploy.generate import CHART, made, values

OLDEST, NEWEST = "1.27", "1.37"
"""Kubernetes that the chart is checked against; the oldest is what Chart.yaml asks for."""

every_set = pytest.mark.parametrize("given", SETS, ids=lambda path: path.stem)

EVERYTHING = CHART / "ci" / "everything.yaml"

TEMPLATES = {path: path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file()}


@cache
def is_valid(one: str, version: str) -> bool:
    validate(json.loads(one), version, strict=True)
    return True


@every_set
def test_helm_has_nothing_against_it(given: Path) -> None:
    done = run("lint", "--strict", str(CHART), f"--values={given}")

    assert done.returncode == 0, done.stdout + done.stderr


@every_set
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_understands_every_word(given: Path, version: str) -> None:
    for one in rendered(given):
        if one["kind"] in CRDS:
            jsonschema.validate(one, CRDS[one["kind"]])
        else:
            assert is_valid(text(one), version)


def test_what_is_checked_is_what_the_chart_asks_for() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["kubeVersion"] == f">={OLDEST}.0-0"
    assert f'version = "{chart["appVersion"]}"' in (ROOT / "pyproject.toml").read_text()


@every_set
def test_every_image_can_be_built(given: Path) -> None:
    images = {image(c) for pod in pods(rendered(given)) if pod.is_ours() for c in pod.containers}

    assert images <= targets()
    assert images == set(CONFIGS)


@every_set
def test_what_a_service_is_told_is_a_setting_of_it(given: Path) -> None:
    for pod in pods(rendered(given)):
        if not pod.is_ours() or pod.component == "test":
            continue
        for container in pod.containers:
            kind = Keeping if pod.component == "provision" else CONFIGS[image(container)]
            known = settings(kind)
            if image(container) in SEALERS:
                known.add("ROSTRUM_SECRET_KEY_FILE")
            ours = {one["name"] for one in container["env"] if one["name"].startswith("ROSTRUM_")}
            assert ours <= known, container["name"]


@every_set
def test_a_gpu_is_for_the_egress_of_a_gpu_pool_alone(given: Path) -> None:
    expected = {
        component: {pool["gpu"]["resource"]: pool["gpu"]["count"]}
        for component, pool in pools(given).items()
        if pool["gpu"]["enabled"]
    }
    found: dict[str, Object] = {}
    for pod in pods(rendered(given)):
        for container in pod.containers:
            limits, requests = (
                {name: n for name, n in container["resources"].get(kind, {}).items() if "/" in name}
                for kind in ("limits", "requests")
            )
            assert not requests
            if limits:
                assert container["name"] == "egress"
                found[pod.component] = limits
            elif container["name"] == "egress":
                assert env(container)["NVIDIA_VISIBLE_DEVICES"] == "void"

    assert found == expected


def kinds(pool: Object) -> list[str]:
    """Of the workers of its pods."""
    return [kind for kind in ("mixer", "egress") if pool[kind]["enabled"]]


@every_set
def test_a_pool_runs_where_and_as_it_says(given: Path) -> None:
    found = {
        pod.component: pod for pod in pods(rendered(given)) if pod.labels.get("rostrum.io/media")
    }

    assert found.keys() == pools(given).keys()
    for component, pool in pools(given).items():
        pod = found[component]
        assert pod.spec.get("nodeSelector", {}) == pool["nodeSelector"]
        assert pod.spec.get("tolerations", []) == pool["tolerations"]
        assert pod.spec.get("runtimeClassName", "") == pool["runtimeClassName"]
        assert pod.spec.get("priorityClassName", "") == pool["priorityClassName"]
        groups = pod.spec["securityContext"].get("supplementalGroups", [])
        assert groups == pool["supplementalGroups"]
        assert pod.owner["spec"]["strategy"]["rollingUpdate"] == pool["rollingUpdate"]
        assert pod.owner["spec"].get("replicas") == (
            pool["replicas"] if pool["autoscaling"]["kind"] == "none" else None
        )
        told = {container["name"]: env(container) for container in pod.containers}
        assert list(told) == kinds(pool)
        if mixer := told.get("mixer"):
            assert mixer["ROSTRUM_MIXER_CAPACITY"] == str(pool["mixer"]["capacity"])
        if egress := told.get("egress"):
            assert egress["ROSTRUM_EGRESS_CAPACITY"] == str(pool["egress"]["capacity"])
            assert egress["ROSTRUM_EGRESS_SOFTWARE"] == str(pool["egress"]["software"]).lower()
        assert {env(c)["ROSTRUM_LOCATION"] for c in pod.containers} == {pool["location"]}


@every_set
def test_mixer_and_egress_of_a_pod_share_what_feeds_need_and_no_other_pod_does(given: Path) -> None:
    for pod in pods(rendered(given)):
        if "rostrum.io/media" not in pod.labels:
            continue
        for container in pod.containers:
            host = next(one for one in container["env"] if one["name"] == "ROSTRUM_HOST")
            assert host["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
            run_dir = env(container)["ROSTRUM_RUN_DIR"]
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert mounts[run_dir] == "run"
        run_volume = next(one for one in pod.spec["volumes"] if one["name"] == "run")
        assert run_volume["emptyDir"]["medium"] == "Memory"
        assert not any("hostPath" in volume for volume in pod.spec["volumes"])


@every_set
def test_what_runs_has_time_to_end(given: Path) -> None:
    for pod in pods(rendered(given)):
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        for container in pod.containers:
            drain = float(env(container).get("ROSTRUM_DRAIN_SECONDS", "0"))
            hook = container.get("lifecycle", {}).get("preStop")
            wait = float(hook["exec"]["command"][1]) if hook else 0.0
            assert grace >= drain + wait + 30
    drains = {c: pool["drainSeconds"] for c, pool in pools(given).items()}
    for pod in pods(rendered(given)):
        if pod.component in drains:
            expected = str(drains[pod.component])
            assert {env(c)["ROSTRUM_DRAIN_SECONDS"] for c in pod.containers} == {expected}


@every_set
def test_whoever_serves_is_asked_whether_it_lives_and_apart_whether_it_is_ready(
    given: Path,
) -> None:
    for pod in pods(rendered(given)):
        if pod.owner["kind"] not in ("Deployment", "StatefulSet"):
            continue
        for container in pod.containers:
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            if not pod.is_ours():
                assert {"exec"} <= container["readinessProbe"].keys()
                assert {"exec"} <= container["livenessProbe"].keys()
                continue
            live, ready = container["livenessProbe"], container["readinessProbe"]
            assert live["httpGet"]["path"] == "/health/live"
            assert ready["httpGet"]["path"] == "/health/ready"
            assert container["startupProbe"]["httpGet"] == live["httpGet"]
            asked = str(ports[live["httpGet"]["port"]])
            assert live["httpGet"]["port"] == ready["httpGet"]["port"]
            told = env(container)
            assert asked in (told["ROSTRUM_HEALTH_PORT"], told.get("ROSTRUM_HTTP_PORT"))
            assert told["ROSTRUM_HEALTH_PORT"] in {str(port) for port in ports.values()}


@every_set
def test_no_two_containers_of_a_pod_want_the_same_port(given: Path) -> None:
    for pod in pods(rendered(given)):
        ports = [
            (port["containerPort"], port.get("protocol", "TCP"))
            for c in pod.containers
            for port in c.get("ports", [])
        ]
        assert len(ports) == len(set(ports))


MORE_CAPABILITIES = {"turn": {"add": ["NET_BIND_SERVICE"]}}
"""Without it coturn's own image does not start."""


@every_set
def test_every_container_can_do_as_little_as_it_needs(given: Path) -> None:
    for pod in pods(rendered(given)):
        security = pod.spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] >= 10_000
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod.spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.spec.keys()
        for container in pod.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"], **MORE_CAPABILITIES.get(pod.component, {})},
            }
            assert {"requests", "limits"} <= container["resources"].keys()
            assert "memory" in container["resources"]["limits"]


def secret_of(objects: tuple[Object, ...]) -> dict[str, str]:
    (secret,) = of_kind(objects, "Secret")
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


@every_set
def test_no_secret_is_anywhere_but_in_the_secret(given: Path) -> None:
    objects = rendered(given)
    if not of_kind(objects, "Secret"):
        return
    words = {word for key, word in secret_of(objects).items() if key != "nats-passwords.conf"}
    rest = text([one for one in objects if one["kind"] != "Secret"])

    assert len(words) == len(USERS) + 3
    for word in words:
        assert word not in rest
        assert base64.b64encode(word.encode()).decode() not in rest


@every_set
def test_no_secret_is_in_a_variable_or_a_config_map(given: Path) -> None:
    objects = rendered(given)
    for pod in pods(objects):
        for container in pod.containers:
            assert "envFrom" not in container
            for one in container.get("env", []):
                assert "secretKeyRef" not in text(one)
                if re.search(r"PASSWORD|TOKEN|KEY|SECRET", one["name"]):
                    assert one["name"].endswith("_FILE")
                    assert one["value"].startswith("/run/secrets/rostrum/")
    for one in of_kind(objects, "ConfigMap"):
        assert not re.search(r"password:\s*\"", text(one["data"]))


@every_set
def test_a_service_can_read_its_own_secrets_alone(given: Path) -> None:
    for pod in pods(rendered(given)):
        if not pod.is_ours():
            continue
        volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
        for container in pod.containers:
            mounted = [volumes[mount["name"]] for mount in container["volumeMounts"]]
            keys = {
                item["key"]
                for volume in mounted
                if "secret" in volume
                for item in volume["secret"]["items"]
            }
            files = {
                value.rsplit("/", 1)[-1]
                for name, value in env(container).items()
                if name.endswith("_FILE")
            }
            assert keys == files, f"{pod.component}: {container['name']}"
            if "ROSTRUM_NATS_USER" in env(container):
                user = env(container)["ROSTRUM_NATS_USER"]
                assert user in USERS
                assert user == (pod.component if pod.component == "provision" else _user(container))


def _user(container: Object) -> str:
    return image(container).replace("-", "_")


@every_set
def test_every_volume_is_there_and_is_used(given: Path) -> None:
    for pod in pods(rendered(given)):
        there = {volume["name"] for volume in pod.spec["volumes"]}
        claimed = pod.owner["spec"].get("volumeClaimTemplates", [])
        there |= {claim["metadata"]["name"] for claim in claimed}
        used = {m["name"] for c in pod.containers for m in c["volumeMounts"]}
        assert used == there, pod.component


@every_set
def test_selectors_find_their_own_pods_and_no_others(given: Path) -> None:
    objects = rendered(given)
    everybody = pods(objects)

    for owner in of_kind(objects, "Deployment", "StatefulSet"):
        assert [
            pod.owner["metadata"]["name"]
            for pod in everybody
            if matches(owner["spec"]["selector"]["matchLabels"], pod)
        ] == [owner["metadata"]["name"]]
    for budget in of_kind(objects, "PodDisruptionBudget"):
        found = [p for p in everybody if matches(budget["spec"]["selector"]["matchLabels"], p)]
        assert [pod.owner["metadata"]["name"] for pod in found] == [budget["metadata"]["name"]]
    for service in of_kind(objects, "Service"):
        behind = [pod for pod in everybody if matches(service["spec"]["selector"], pod)]
        names = {port["name"] for pod in behind for c in pod.containers for port in c["ports"]}
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in names, service["metadata"]["name"]
    for monitor in of_kind(objects, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [
            one
            for one in of_kind(objects, "Service")
            if wanted <= one["metadata"]["labels"].items()
        ]
        offered = {port["name"] for port in service["spec"]["ports"]}
        assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} == offered


def matches(selector: dict[str, str], pod: Pod) -> bool:
    return selector.items() <= pod.labels.items()


@every_set
def test_pods_are_spread_and_never_all_taken_at_once(given: Path) -> None:
    objects = rendered(given)
    spread = {p.component for p in pods(objects) if p.spec.get("topologySpreadConstraints")}
    guarded = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]
        for one in of_kind(objects, "PodDisruptionBudget")
    }
    served = {p.component for p in pods(objects) if p.owner["kind"] == "Deployment"}

    assert spread == guarded == served
    for pod in pods(objects):
        own = pools(given).get(pod.component, {}).get("affinity")
        if pod.component in served and own:
            assert pod.spec["affinity"] == own
        elif pod.component in served:
            apart = pod.spec["affinity"]["podAntiAffinity"]
            wished = apart.get("preferredDuringSchedulingIgnoredDuringExecution", [])
            # Those that have ports of the node must be apart.
            needed = apart.get("requiredDuringSchedulingIgnoredDuringExecution", [])
            for term in [*(rule["podAffinityTerm"] for rule in wished), *needed]:
                assert term["topologyKey"] == "kubernetes.io/hostname"
                wanted = term["labelSelector"].get("matchLabels", {})
                found = [one.component for one in pods(objects) if matches(wanted, one)]
                assert pod.component in found
                assert needed or found == [pod.component]
            assert wished or needed


def test_an_ingress_holds_no_event_back_and_ends_no_stream_of_events() -> None:
    (ingress,) = of_kind(rendered(EVERYTHING), "Ingress")
    told = {
        key.rpartition("/")[2]: word for key, word in ingress["metadata"]["annotations"].items()
    }

    assert told["proxy-buffering"] == "off"
    assert int(told["proxy-read-timeout"]) >= 3600
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["a.example.org", "b.example.org"]


@every_set
def test_whoever_installs_it_is_told_where_it_is_and_what_to_keep(given: Path) -> None:
    done = run("install", RELEASE, str(CHART), "--dry-run=client", f"--values={given}")
    _, _, notes = done.stdout.partition("NOTES:")

    assert done.returncode == 0, done.stderr
    assert "helm -n default test" in notes
    for component in pools(given):
        assert f"Pool {component.removeprefix('media-')}, location" in notes
    has_secret = bool(of_kind(rendered(given), "Secret"))
    assert ("Back up the Secret" in notes) == has_secret


def test_alerts_find_what_is_scraped_whatever_the_release_is_called() -> None:
    (monitor,) = of_kind(rendered(EVERYTHING), "ServiceMonitor")
    (rule,) = of_kind(rendered(EVERYTHING), "PrometheusRule")
    down = next(
        one for one in rule["spec"]["groups"][0]["rules"] if one["alert"] == "RostrumServiceDown"
    )
    pattern = re.search(r'job=~"(.+?)"', down["expr"])
    assert pattern is not None

    for endpoint in monitor["spec"]["endpoints"]:
        [job] = [one for one in endpoint["relabelings"] if one["targetLabel"] == "job"]
        assert re.fullmatch(pattern[1], job["replacement"])


@every_set
def test_what_scales_a_pool_knows_what_it_scales_and_what_fits_in(given: Path) -> None:
    objects = rendered(given)
    scaled = {}
    for one in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        target = one["spec"]["scaleTargetRef"]["name"]
        assert target in {d["metadata"]["name"] for d in of_kind(objects, "Deployment")}
        pool = pools(given)[one["metadata"]["labels"]["app.kubernetes.io/component"]]
        if one["kind"] == "ScaledObject":
            found = {
                re.search(r'kind="(\w+)"', t["metadata"]["query"])[1]: float(  # type: ignore[index]
                    t["metadata"]["threshold"]
                )
                for t in one["spec"]["triggers"]
            }
            for trigger in one["spec"]["triggers"]:
                pattern = re.search(r'pod=~"([^"]+)"', trigger["metadata"]["query"])
                assert pattern is not None
                assert re.fullmatch(pattern[1], f"{target}-7c9f5d8b4-x2x9z")
                assert not re.fullmatch(pattern[1], f"{target}-qsv-7c9f5d8b4-x2x9z")
        else:
            found = {
                m["metric"]["selector"]["matchLabels"]["kind"]: float(
                    m["target"]["averageValue"].removesuffix("m")
                )
                / 1000
                for m in (metric["pods"] for metric in one["spec"]["metrics"])
            }
        share = pool["autoscaling"]["targetPercent"] / 100
        assert found == pytest.approx(dict.fromkeys(kinds(pool), share))
        scaled[one["metadata"]["labels"]["app.kubernetes.io/component"]] = one["kind"]

    scalers = {"hpa": "HorizontalPodAutoscaler", "keda": "ScaledObject"}
    assert scaled == {
        component: scalers[pool["autoscaling"]["kind"]]
        for component, pool in pools(given).items()
        if pool["autoscaling"]["kind"] != "none"
    }


def policies_of(pod: Pod, objects: tuple[Object, ...], way: str) -> list[Object]:
    return [
        rule
        for policy in of_kind(objects, "NetworkPolicy")
        if matches(policy["spec"]["podSelector"]["matchLabels"], pod)
        for rule in policy["spec"].get(way, [])
    ]


@every_set
def test_nothing_goes_in_or_out_that_is_not_named(given: Path) -> None:
    objects = rendered(given)
    (nothing,) = [
        one
        for one in of_kind(objects, "NetworkPolicy")
        if one["metadata"]["name"].endswith("nothing")
    ]
    assert nothing["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & nothing["spec"].keys()
    for pod in pods(objects):
        assert matches(nothing["spec"]["podSelector"]["matchLabels"], pod)
        world = [
            to
            for rule in policies_of(pod, objects, "egress")
            for to in rule.get("to", [])
            if to.get("ipBlock", {}).get("cidr") in ("0.0.0.0/0", "::/0")
        ]
        outward = "rostrum.io/media" in pod.labels or pod.component == "webhooks"
        assert bool(world) == outward, pod.component
        for to in world:
            if to["ipBlock"]["cidr"] == "0.0.0.0/0":
                assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(to["ipBlock"]["except"])


@every_set
def test_who_needs_the_bus_reaches_it_and_who_does_not_does_not(given: Path) -> None:
    objects = rendered(given)
    server = [pod for pod in pods(objects) if pod.component == "nats"]
    for pod in pods(objects):
        ports = {
            port["port"]
            for rule in policies_of(pod, objects, "egress")
            for port in rule.get("ports", [])
        }
        needs = any("ROSTRUM_NATS_URL" in env(container) for container in pod.containers)
        assert (4222 in ports) == needs, pod.component
        if needs and server:
            (rule,) = policies_of(server[0], objects, "ingress")
            assert any(matches(one["podSelector"]["matchLabels"], pod) for one in rule["from"]), (
                pod.component
            )


@every_set
def test_feeds_leave_a_pod_only_where_they_may_and_reach_media_pods_alone(given: Path) -> None:
    objects = rendered(given)
    link = {"enabled": False, **yaml.safe_load(given.read_text()).get("link", {})}
    for pod in pods(objects):
        for container in pod.containers:
            address = [
                one for one in container.get("env", []) if one["name"] == "ROSTRUM_LINK_ADDRESS"
            ]
            lends = link["enabled"] and container["name"] == "mixer"
            assert bool(address) == lends
            if lends:
                assert address[0]["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}
                port = int(env(container)["ROSTRUM_LINK_PORT"])
                assert port == link.get("port", 7100)
                assert {"name": "feeds", "containerPort": port} in container["ports"]
        peers = {
            (way, one[side]["podSelector"]["matchLabels"].get("rostrum.io/media"))
            for way, side in (("ingress", "from"), ("egress", "to"))
            for rule in policies_of(pod, objects, way)
            if {"port": "feeds", "protocol": "TCP"} in rule.get("ports", [])
            for one in [{side: peer} for peer in rule[side]]
        }
        reached = link["enabled"] and "rostrum.io/media" in pod.labels
        assert peers == ({("ingress", "true"), ("egress", "true")} if reached else set())


def test_who_calls_by_srt_reaches_the_mixers_that_say_so_and_no_others() -> None:
    objects = rendered(EVERYTHING)
    services = {
        one["metadata"]["name"]: one for one in of_kind(objects, "Service") if "media" in str(one)
    }
    for component, pool in pools(EVERYTHING).items():
        (pod,) = [one for one in pods(objects) if one.component == component]
        udp = pool["mixer"]["udp"]
        wanted = set(range(udp["first"], udp["last"] + 1)) - {0}
        mixer = next(one for one in pod.containers if one["name"] == "mixer")
        calls = range(pool["mixer"]["webrtc"]["first"], pool["mixer"]["webrtc"]["last"] + 1)
        open_ = [
            port
            for port in mixer["ports"]
            if port.get("protocol") == "UDP" and port["containerPort"] not in calls
        ]
        assert {port["containerPort"] for port in open_} == wanted
        at_node = wanted if udp["via"] == "hostPort" else set()
        assert {port["hostPort"] for port in open_ if "hostPort" in port} == at_node
        let_in = [
            (port["port"], port["endPort"], rule["from"])
            for rule in policies_of(pod, objects, "ingress")
            for port in rule["ports"]
            if port["protocol"] == "UDP" and port["port"] not in calls
        ]
        peers = [{"ipBlock": {"cidr": "198.51.100.0/24"}}]
        assert let_in == ([(udp["first"], udp["last"], peers)] if wanted else [])
        balanced = services.get(pod.owner["metadata"]["name"])
        assert bool(balanced) == bool(wanted - at_node)
        if balanced:
            assert matches(balanced["spec"]["selector"], pod)
            assert {port["port"] for port in balanced["spec"]["ports"]} == wanted


def udp_ports(let_in: list[Object]) -> set[int]:
    return {
        number
        for rule in let_in
        for port in rule["ports"]
        if port["protocol"] == "UDP" and isinstance(port["port"], int) and "endPort" in port
        for number in range(port["port"], port["endPort"] + 1)
    }


@every_set
def test_browsers_reach_the_mixers_where_they_are_told_to(given: Path) -> None:
    objects = rendered(given)
    relay = next((one for one in pods(objects) if one.component == "turn"), None)
    for pod in pods(objects):
        for mixer in (one for one in pod.containers if one["name"] == "mixer"):
            webrtc = pools(given)[pod.component]["mixer"]["webrtc"]
            wanted = set(range(webrtc["first"], webrtc["last"] + 1)) - {0}
            told = {one["name"]: one for one in mixer["env"] if "WEBRTC" in one["name"]}
            if not wanted:
                assert not told
                continue
            span = told["ROSTRUM_WEBRTC_PORTS"]["value"]
            assert span == f"{webrtc['first']}-{webrtc['last']}"
            here = [port for port in mixer["ports"] if port["containerPort"] in wanted]
            assert len(here) == len(wanted)
            at_node = webrtc["via"] == "hostPort"
            for port in here:
                assert port["protocol"] == "UDP"
                # A port that changed its number on the way would not be the one that is told.
                assert port.get("hostPort") == (port["containerPort"] if at_node else None)
            address = told.get("ROSTRUM_WEBRTC_ADDRESS", {})
            assert address.get("value", "") == webrtc["address"]
            if at_node and not webrtc["address"]:
                assert address["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}
            rules = policies_of(pod, objects, "ingress")
            anybody = [rule for rule in rules if "podSelector" not in text(rule.get("from", []))]
            assert (wanted <= udp_ports(anybody)) == (webrtc["via"] != "relay" or relay is None)
            if relay is not None:
                named = [rule for rule in rules if "podSelector" in text(rule.get("from", []))]
                assert wanted <= udp_ports(
                    [
                        rule
                        for rule in named
                        if matches(rule["from"][0]["podSelector"]["matchLabels"], relay)
                    ]
                )


@every_set
def test_what_has_ports_of_its_node_is_alone_on_it(given: Path) -> None:
    for pod in pods(rendered(given)):
        at_node = any("hostPort" in port for c in pod.containers for port in c.get("ports", []))
        affinity = pod.spec.get("affinity", {}).get("podAntiAffinity", {})
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", [])
        assert bool(required) == at_node, pod.component
        for one in required:
            assert one["topologyKey"] == "kubernetes.io/hostname"
            assert matches(one["labelSelector"]["matchLabels"], pod)


def test_the_relay_reaches_mixers_at_their_media_ports_and_nothing_else() -> None:
    objects = rendered(EVERYTHING)
    (relay,) = [one for one in pods(objects) if one.component == "turn"]
    (container,) = relay.containers
    found = {}
    for rule in policies_of(relay, objects, "egress"):
        for to in rule["to"]:
            if {"port": 53, "protocol": "UDP"} in rule["ports"]:
                continue
            (component,) = [
                pod.component
                for pod in pods(objects)
                if matches(to["podSelector"]["matchLabels"], pod)
            ]
            found[component] = udp_ports([rule])
            assert len(rule["ports"]) == 1
    assert found == {
        component: set(range(webrtc["first"], webrtc["last"] + 1))
        for component, pool in pools(EVERYTHING).items()
        if (webrtc := pool["mixer"]["webrtc"])["first"]
    }
    assert env(container)["TURN_PEERS"] == "10.42.0.0-10.42.255.255"
    assert env(container)["TURN_SECRET_FILE"] == "/run/secrets/rostrum/turn-secret"


@every_set
def test_the_gateway_has_the_relays_secret_where_there_is_a_relay(given: Path) -> None:
    objects = rendered(given)
    turn = yaml.safe_load(given.read_text()).get("turn", {})
    (gateway,) = [one for one in pods(objects) if one.component == "gateway"]
    told = env(gateway.containers[0])

    assert told.get("ROSTRUM_TURN_URLS", "") == ",".join(turn.get("urls", []))
    assert ("ROSTRUM_TURN_SECRET_FILE" in told) == bool(turn.get("urls"))


def test_the_hardened_set_leaves_nothing_open() -> None:
    objects = rendered(CHART / "ci" / "hardened.yaml")

    for policy in of_kind(objects, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            assert rule["from"], policy["metadata"]["name"]
            assert {"namespaceSelector": {}} not in rule["from"]
    assert not of_kind(objects, "Secret")


def test_the_secret_is_what_the_services_and_the_server_read() -> None:
    secret = secret_of(rendered())

    assert len(base64.b64decode(secret["secret-key"])) == 32
    assert secret["nats-passwords.conf"].splitlines() == [
        f'{user}_password: "{secret[f"nats-{user}"]}"' for user in USERS
    ]
    for user in USERS:
        assert len(secret[f"nats-{user}"]) >= 32


def test_it_has_the_keys_that_the_local_stack_has() -> None:
    script = (ROOT / "deploy" / "secrets.sh").read_text()
    users = re.search(r'users="([^"]+)"', script)
    assert users is not None
    expected = {f"nats-{user}" for user in users[1].split()}
    more = {"secret-key", "admin-token", "turn-secret", "nats-passwords.conf"}

    assert secret_of(rendered()).keys() == expected | more
    assert all(key in script for key in more)


def test_a_secret_from_a_vault_has_the_servers_file_too() -> None:
    (external,) = of_kind(rendered(CHART / "ci" / "hardened.yaml"), "ExternalSecret")

    lines = external["spec"]["target"]["template"]["data"]["nats-passwords.conf"].splitlines()

    assert lines == [f'{user}_password: "{{{{ index . "nats-{user}" }}}}"' for user in USERS]


def test_without_credentials_nobody_has_a_password_for_the_bus() -> None:
    objects = rendered(
        None,
        "nats.enabled=false",
        'nats.external={"url": "nats://n:4222", "credentials": false, "provision": false}',
    )

    assert "NATS_USER" not in text([pod.spec for pod in pods(objects)])
    assert not [pod for pod in pods(objects) if pod.component in ("nats", "provision")]


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ('nats.external.url="nats://user:pw@host:4222"', "external/url"),
        ('telemetry.otlpEndpoint="http://u:pw@host"', "otlpEndpoint"),
        ("pools=[]", "pools"),
        ('pools=[{"name": "Big"}]', "name"),
        ('pools=[{"name": "a"}, {"name": "a"}]', "two are named a"),
        ('pools=[{"name": "a", "gpus": 1}]', "gpus"),
        ('pools=[{"name": "a", "egress": {"software": false}}]', "a has no GPU and may not"),
        ('pools=[{"name": "a", "gpu": {"count": 0}}]', "count"),
        ('pools=[{"name": "a", "egress": {"enabled": false}}]', "needs link.enabled"),
        ('pools=[{"name": "a", "mixer": {"udp": {"first": 9000}}}]', "not 1 to 100 ports"),
        (
            'pools=[{"name": "a", "replicas": 2, '
            '"mixer": {"udp": {"first": 9000, "last": 9000, "via": "loadBalancer"}}}]',
            "only where there is one",
        ),
        ('pools=[{"name": "a", "mixer": {"webrtc": {"first": 40000}}}]', "not 1 to 100 ports"),
        ('pools=[{"name": "a", "mixer": {"webrtc": {"first": 90, "last": 95}}}]', "above 1023"),
        (
            'pools=[{"name": "a", "mixer": {"udp": {"first": 9000, "last": 9005}, '
            '"webrtc": {"first": 9005, "last": 9009}}}]',
            "port 9005 in mixer.udp and in mixer.webrtc",
        ),
        (
            'pools=[{"name": "a", "mixer": {"webrtc": '
            '{"first": 40000, "last": 40009, "via": "loadBalancer"}}}]',
            "browsers have to be told",
        ),
        (
            'pools=[{"name": "a", "mixer": {"webrtc": '
            '{"first": 40000, "last": 40009, "via": "relay"}}}]',
            "which needs turn.urls",
        ),
        ('pools=[{"name": "a", "mixer": {"webrtc": {"address": "a.example"}}}]', "address"),
        ('turn={"enabled": true, "peers": ["10.0.0.0-10.0.0.9"]}', "turn.urls: say"),
        ('turn={"enabled": true, "urls": ["turn:t"]}', "turn.peers: say"),
        ('turn.urls=["turn:me:pw@host"]', "urls"),
        ('gateway.settings={"TURN_SECRET": "x"}', "TURN_SECRET"),
        ('pools=[{"name": "a", "autoscaling": {"kind": "vpa"}}]', "kind"),
        ("gateway.replica=1", "replica"),
        ('gateway.settings={"ADMIN_TOKEN": "x"}', "ADMIN_TOKEN"),
        ('secrets={"generate": false}', "secrets: give existingSecret"),
        ("nats.enabled=false", "nats.external.url: say where"),
        ("ingress.enabled=true", "ingress.hosts: name"),
        ('secrets.externalSecret={"enabled": true}', "storeName: say"),
    ],
)
def test_a_slip_is_told(setting: str, why: str) -> None:
    assert why in refused(setting)


def test_every_value_is_in_the_schema_and_in_a_template() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    templates = "\n".join(TEMPLATES.values())
    for value in values():
        words, node = [], schema
        for word in value.path.removesuffix(".*").split("."):
            if "properties" not in node:
                break  # what is in there is not ours to name
            assert word in node["properties"], value.path
            words.append(word)
            node = node["properties"][word]
        whole, below, last = ".".join(words), ".".join(words[1:]), words[-1]
        spelled = [f".Values.{whole}", *(f"${one}.{below}" for one in ("pool", "r", "s", "n"))]
        spelled += [f"$auto.{last}", f"$udp.{last}", f"$webrtc.{last}", f".values.{last}"]
        assert any(one in templates for one in spelled), value.path


def test_templates_read_no_value_that_is_not_there() -> None:
    given = yaml.safe_load((CHART / "values.yaml").read_text())
    there = set(leaves(given)) | {"pools"}
    there |= {path.rsplit(".", n)[0] for path in set(there) for n in range(1, path.count(".") + 1)}
    pool = {path.removeprefix("poolDefaults.") for path in there} | {"name"}
    for name, template in TEMPLATES.items():
        for path in re.findall(r"\.Values\.([A-Za-z.0-9]+)", template):
            assert path in there, f"{name}: {path}"
        for path in re.findall(r"\$pool\.([A-Za-z.0-9]+)", template):
            assert path in pool, f"{name}: {path}"


@pytest.mark.parametrize("path", made(), ids=lambda path: path.name)
def test_what_is_generated_is_current(path: Path) -> None:
    assert path.read_text() == made()[path], "make chart"


def test_every_kind_that_the_chart_knows_is_in_the_set_of_everything() -> None:
    kinds = {kind for t in TEMPLATES.values() for kind in re.findall(r"^kind: (\w+)", t, re.M)}
    rendered_kinds = {one["kind"] for one in rendered(EVERYTHING)}

    assert kinds - rendered_kinds == {"ExternalSecret"}


def test_a_pod_that_goes_waits_for_its_recordings_to_be_stored() -> None:
    store = 'recordings.store={"url": "s3://bucket", "credentialsSecret": "store"}'
    objects = rendered(None, store, "recordings.uploadSeconds=600")
    for pod in pods(objects):
        for container in pod.containers:
            given = env(container)
            if image(container) == "rtmp-egress":
                assert given["ROSTRUM_RECORDINGS_DIR"] == "/recordings"
                assert given["ROSTRUM_STORE_URL"] == "s3://bucket"
                drain, upload = given["ROSTRUM_DRAIN_SECONDS"], given["ROSTRUM_UPLOAD_SECONDS"]
                grace = pod.spec["terminationGracePeriodSeconds"]
                assert grace >= int(drain) + int(upload) + 30
                [disk] = [one for one in pod.spec["volumes"] if one["name"] == "recordings"]
                assert "emptyDir" in disk
            if pod.component == "gateway":
                assert given["ROSTRUM_STORE_URL"] == "s3://bucket"
                assert "ROSTRUM_RECORDINGS_DIR" not in given
    assert "AWS_" not in text(objects)


def test_nothing_is_recorded_where_there_is_no_place_for_it() -> None:
    assert "ROSTRUM_RECORDINGS_DIR" not in text(rendered(None))
    assert refused('keep={"eventsDays": 0.5}')
