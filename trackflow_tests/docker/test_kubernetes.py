"""The files for Kubernetes: valid by its schemas, hardened, complete, and in step with Docker's."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer
import yaml

from trackflow.cli.main import app
from trackflow.settings import variables

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker" / "k8s"
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((FOLDER / "trackflow.yaml").read_text()))
VALUES: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text())
SECRETS = {"trackflow-secrets", "trackflow-postgresql"}
"""Made by hand, as the head of the manifests says."""


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {m["metadata"]["name"]: m for m in MANIFESTS if m["kind"] == kind}


def assert_valid(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def is_hardened(pod_security: dict[str, Any], security: dict[str, Any]) -> bool:
    return (
        pod_security["runAsNonRoot"] is True
        and pod_security["runAsUser"] > 0
        and pod_security["seccompProfile"] == {"type": "RuntimeDefault"}
        and security["readOnlyRootFilesystem"] is True
        and security["allowPrivilegeEscalation"] is False
        and security["capabilities"] == {"drop": ["ALL"]}
    )


@pytest.mark.parametrize(
    "manifest", MANIFESTS, ids=lambda m: f"{m['kind']}-{m['metadata']['name']}"
)
def test_manifests_are_valid(manifest: dict[str, Any]) -> None:
    assert_valid(manifest)


def test_a_mistake_would_be_seen() -> None:
    deployment = yaml.safe_load(yaml.safe_dump(named("Deployment")["trackflow-api"]))
    pod_of(deployment)["containers"][0]["securitycontext"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        assert_valid(deployment)


@pytest.mark.parametrize("name", sorted(named("Deployment")))
def test_deployments_are_hardened_and_watched(name: str) -> None:
    deployment = named("Deployment")[name]
    pod = pod_of(deployment)
    (container,) = pod["containers"]
    assert is_hardened(pod["securityContext"], container["securityContext"])
    assert pod["automountServiceAccountToken"] is False
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    assert ":" in container["image"]
    assert not container["image"].endswith(":latest")
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    # a volume that one pod writes cannot be mounted by its successor beside it
    if any("persistentVolumeClaim" in volume for volume in pod["volumes"]):
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}
        assert deployment["spec"]["replicas"] == 1


def test_names_that_manifests_refer_to_exist() -> None:
    for deployment in named("Deployment").values():
        pod = pod_of(deployment)
        (container,) = pod["containers"]
        for volume in pod["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert claim["claimName"] in named("PersistentVolumeClaim")
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                assert source["configMapRef"]["name"] in named("ConfigMap")
            else:
                assert source["secretRef"]["name"] in SECRETS
    for service in named("Service").values():
        labels = [d["spec"]["template"]["metadata"]["labels"] for d in named("Deployment").values()]
        assert service["spec"]["selector"] in labels


def test_settings_are_trackflows_and_addresses_lead_to_services() -> None:
    settings = named("ConfigMap")["trackflow-settings"]["data"]
    assert settings.keys() <= {variable.name for variable in variables().values()}
    ports = {name: s["spec"]["ports"][0]["port"] for name, s in named("Service").items()}
    addresses = [value for value in settings.values() if value.startswith("http://")]
    assert addresses
    for address in addresses:
        name, port = address.removeprefix("http://").split(":")
        assert ports[name] == int(port)


@pytest.mark.parametrize("name", sorted(named("Deployment")))
def test_commands_are_trackflows_own(name: str) -> None:
    (container,) = pod_of(named("Deployment")[name])["containers"]
    program, *words = container["command"]
    assert program == "trackflow"
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        verb = words.pop(0)
        command = command.commands[verb]
    context = command.make_context(name, words)  # it fails for an unknown option
    port = container["ports"][0]["containerPort"]
    assert context.params["port"] == port
    assert context.params["host"] == "0.0.0.0"


def dagster_pods() -> dict[str, dict[str, Any]]:
    return {
        "code": VALUES["dagster-user-deployments"]["deployments"][0],
        "webserver": VALUES["dagsterWebserver"],
        "daemon": VALUES["dagsterDaemon"],
    }


@pytest.mark.parametrize("name", ["code", "webserver", "daemon"])
def test_dagsters_pods_are_valid_and_hardened(name: str) -> None:
    """The chart puts these parts into pods as they are; its own templates are not tried here."""
    part = dagster_pods()[name]
    assert is_hardened(part["podSecurityContext"], part["securityContext"])
    assert_valid(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "securityContext": part["podSecurityContext"],
                "volumes": part["volumes"],
                "containers": [
                    {
                        "name": name,
                        "image": f"{part['image']['repository']}:{part['image']['tag']}",
                        "env": part.get("env", []),
                        "envFrom": [
                            *({"configMapRef": s} for s in part.get("envConfigMaps", [])),
                            *({"secretRef": s} for s in part.get("envSecrets", [])),
                        ],
                        "volumeMounts": part["volumeMounts"],
                        "resources": part["resources"],
                        "securityContext": part["securityContext"],
                    }
                ],
            },
        }
    )
    for source in part.get("envConfigMaps", []):
        assert source["name"] in named("ConfigMap")
    for source in part.get("envSecrets", []):
        assert source["name"] in SECRETS


def test_runs_get_what_dagster_understands() -> None:
    # its 700 modules are loaded by the process that runs this test, not by each
    from dagster_k8s.job import UserDefinedDagsterK8sConfig

    given = VALUES["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    snake = {"containerConfig": "container_config", "podSpecConfig": "pod_spec_config"}
    names = snake | {"jobSpecConfig": "job_spec_config"}
    assert given.keys() == names.keys()
    # unknown fields are errors
    UserDefinedDagsterK8sConfig.from_dict({names[key]: value for key, value in given.items()})


def test_numbers_are_those_of_docker() -> None:
    docker = yaml.safe_load((ROOT / "docker" / "dagster.yaml").read_text())
    daemon = VALUES["dagsterDaemon"]
    runs = docker["concurrency"]["runs"]
    queued = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert queued["maxConcurrentRuns"] == runs["max_concurrent_runs"]
    assert queued["tagConcurrencyLimits"] == runs["tag_concurrency_limits"]
    monitoring, given = docker["run_monitoring"], daemon["runMonitoring"]
    assert given["cancelTimeoutSeconds"] == monitoring["cancel_timeout_seconds"]
    assert given["maxRuntimeSeconds"] == monitoring["max_runtime_seconds"]
    assert given["pollIntervalSeconds"] == monitoring["poll_interval_seconds"]
    assert given["startTimeoutSeconds"] > monitoring["start_timeout_seconds"]
    retries = docker["run_retries"]
    assert daemon["runRetries"] == {
        "enabled": retries["enabled"],
        "maxRetries": retries["max_retries"],
        "retryOnAssetOrOpFailure": retries["retry_on_asset_or_op_failure"],
    }
    for kind, key in (("sensors", "sensors"), ("schedules", "schedules")):
        assert daemon[kind] == {
            "useThreads": docker[key]["use_threads"],
            "numWorkers": docker[key]["num_workers"],
        }
    kept = {k: v["purge_after_days"] for k, v in docker["retention"].items()}
    camel = {"schedule": "schedule", "sensor": "sensor", "auto_materialize": "autoMaterialize"}
    assert {k: VALUES["retention"][camel[k]]["purgeAfterDays"] for k in kept} == kept
    logs = docker["python_logs"]
    assert VALUES["pythonLogs"] == {
        "pythonLogLevel": logs["python_log_level"],
        "managedPythonLoggers": logs["managed_python_loggers"],
    }
    assert VALUES["telemetry"]["enabled"] is docker["telemetry"]["enabled"]


def test_celerys_files_are_read_by_compose_and_start_trackflow() -> None:
    for name in ("compose.yaml", "worker.yaml"):
        services = yaml.safe_load((ROOT / "docker" / "celery" / name).read_text())["services"]
        program, verb, *words = services["worker"]["command"]
        assert (program, verb) == ("trackflow", "worker")
        command = typer.main.get_command(app)
        command.commands["worker"].make_context("worker", words)  # type: ignore[attr-defined]
        environment = services["worker"]["environment"]
        known = {variable.name for variable in variables().values()}
        assert {key for key in environment if key.startswith("TRACKFLOW_")} <= known
