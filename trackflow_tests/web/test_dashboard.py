"""The dashboard and the rules of `docker/` ask for metrics and labels that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from trackflow_tests.docs.metrics_reference import exposed
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.waiting import PATIENCE_S

DOCKER = Path(__file__).parents[2] / "docker"
DASHBOARD = DOCKER / "grafana" / "trackflow.json"
RULES_FILE = DOCKER / "prometheus" / "alerts.yml"

OUTSIDE = {"up": {"job", "instance"}}
"""Metrics that Prometheus makes itself."""

TARGET_LABELS = {"job", "instance"}

NEEDS_PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed"
)


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Where each expression stands, and itself."""
    for panel in panels():
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for group in yaml.safe_load(RULES_FILE.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            yield f"rule {rule['alert']}", rule["expr"]


def labels_by_sample() -> dict[str, set[str]]:
    found = {
        sample: {*one.labels} | TARGET_LABELS | ({"le"} if sample.endswith("_bucket") else set())
        for one in exposed().values()
        for sample in one.samples
    }
    return found | OUTSIDE


def wrong_names(expression: str) -> list[str]:
    """Metrics and labels of an expression that do not exist."""
    known = labels_by_sample()
    used = re.findall(r"\b((?:trackflow|process|python)_\w+|up)\b(?:\{([^}]*)\})?", expression)
    wrong = [name for name, _ in used if name not in known]
    for name, selector in used:
        given = set(re.findall(r"(\w+)\s*[=!]~?", selector))
        wrong += [f"{name}{{{label}}}" for label in given - known.get(name, set())]
    grouped = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    there = set().union(*(known.get(name, set()) for name, _ in used))
    labels = {label for part in grouped for label in re.findall(r"\w+", part)}
    wrong += [f"by ({label})" for label in labels - there]
    return wrong if used else ["no metric"]


def test_every_expression_asks_for_what_there_is() -> None:
    found = dict(expressions())
    assert len(found) > 40
    assert {where: wrong_names(text) for where, text in found.items() if wrong_names(text)} == {}


def test_a_wrong_name_would_be_found() -> None:
    assert wrong_names("max(trackflow_no_such)") == ["trackflow_no_such"]
    assert wrong_names('trackflow_jobs{nosuch="a"}') == ["trackflow_jobs{nosuch}"]
    assert wrong_names("sum by (stage) (trackflow_jobs)") == ["by (stage)"]
    assert wrong_names("trackflow_receipts") == ["trackflow_receipts"], "its sample ends in _total"


def test_what_is_described_is_what_a_running_service_answers(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context, running_api(context) as api:
        api.get("/nowhere")
        text = api.get("/metrics").text
    described = {
        one.name + {"counter": "_total", "info": "_info"}.get(one.kind, ""): one.kind
        for one in exposed().values()
    }
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    kinds = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    assert set(kinds) == set(described)


def test_names_follow_the_conventions_of_prometheus() -> None:
    for one in exposed().values():
        assert re.fullmatch(r"(trackflow|process)_[a-z0-9_]+", one.name)
        assert one.text.strip()
        assert not one.name.endswith(("_ms", "_mb", "_count", "_minutes", "_hours"))
        assert not {"device", "device_id", "token", "longitude", "latitude"} & {*one.labels}


def test_the_dashboard_can_be_provisioned() -> None:
    found = dashboard()
    assert 36 <= found["schemaVersion"] <= 42
    assert found["uid"] == "trackflow"
    assert "id" not in found, "Grafana gives it one"
    ids = [panel["id"] for panel in found["panels"]]
    assert len(set(ids)) == len(ids)
    assert {variable["name"] for variable in found["templating"]["list"]} == {"datasource", "job"}
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        assert [target["refId"] for target in panel["targets"]] == list(
            "ABCDEF"[: len(panel["targets"])]
        )
    places = [tuple(panel["gridPos"].values()) for panel in found["panels"]]
    for k, (x, y, w, h) in enumerate(places):
        assert x + w <= 24
        for ax, ay, aw, ah in places[:k]:
            assert x >= ax + aw or ax >= x + w or y >= ay + ah or ay >= y + h, "panels overlap"


def test_every_subject_is_on_the_dashboard() -> None:
    text = " ".join(expression for _, expression in expressions())
    for name in ("stage", "windows", "jobs", "alerts", "disk", "database_connections", "breaker",
                 "quarantined", "meshes", "catalogue", "logbook", "request_seconds", "service",
                 "pool", "retries"):  # fmt: skip
        assert f"trackflow_{name}" in text, name


def test_the_files_of_compose_are_there() -> None:
    services = yaml.safe_load((DOCKER / "compose.monitoring.yaml").read_text("utf-8"))["services"]
    mounts = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service["volumes"]
        if volume.startswith("./")
    ]
    assert mounts
    assert all((DOCKER / mount).exists() for mount in mounts)
    ports = [port for service in services.values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)


@NEEDS_PROMTOOL
def test_promtool_accepts_rules_and_configuration(tmp_path: Path) -> None:
    shutil.copytree(DOCKER / "prometheus", tmp_path / "prometheus")
    (tmp_path / "prometheus" / "token").write_text("tf_x")
    for kind, name in (("rules", "alerts.yml"), ("config", "prometheus.yml")):
        run_promtool("check", kind, str(tmp_path / "prometheus" / name))


@NEEDS_PROMTOOL
def test_promtool_understands_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, (_, text) in enumerate(expressions())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run_promtool("check", "rules", str(path))


@NEEDS_PROMTOOL
def test_promtool_finds_no_fault_in_the_metrics(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context, running_api(context) as api:
        text = api.get("/metrics").text
    complaints = subprocess.run(
        ["promtool", "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert complaints.returncode in (0, 3), complaints.stderr
    mine = [line for line in complaints.stderr.splitlines() if "trackflow_" in line]
    assert mine == []


def run_promtool(*arguments: str) -> None:
    done = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
