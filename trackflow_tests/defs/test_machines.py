"""Which launcher the setting chooses, and how the loss of a worker is seen."""

import json
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import DefaultRunLauncher, WorkerStatus
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs
from hypothesis import given
from hypothesis import strategies as st

from trackflow.defs.machines.run_processes import RunProcesses
from trackflow.defs.machines.signs_of_life import WORKER_TAG, WorkerWatch, beat
from trackflow.errors import SettingsError

ROOT = Path(__file__).parents[2]
LEASE_S = 60.0


@pytest.fixture
def dagster_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    return tmp_path


def launcher() -> Any:
    with dg.DagsterInstance.get() as instance:
        return instance.run_launcher


def test_runs_are_executed_beside_dagster_by_default(dagster_home: Path) -> None:
    assert isinstance(launcher(), DefaultRunLauncher)


def test_celery_is_chosen_by_one_setting(
    dagster_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKFLOW_EXECUTION", "celery")
    with pytest.raises(SettingsError, match="set TRACKFLOW_BROKER_URL"):
        launcher()
    monkeypatch.setenv("TRACKFLOW_BROKER_URL", "redis://127.0.0.1:1/0")  # nobody listens: no matter
    assert type(launcher()).__name__ == "CeleryLauncher"


@pytest.mark.parametrize(
    ("execution", "package"), [("celery", "dagster_celery"), ("k8s", "dagster_k8s")]
)
def test_a_missing_extra_is_named(
    dagster_home: Path, monkeypatch: pytest.MonkeyPatch, execution: str, package: str
) -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == package or name.endswith("celery_launcher"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setenv("TRACKFLOW_EXECUTION", execution)
    monkeypatch.setenv("TRACKFLOW_BROKER_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(SettingsError, match=rf"pip install 'trackflow\[{execution}\]'"):
        launcher()


def test_another_execution_is_refused(dagster_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKFLOW_EXECUTION", "cloud")
    with pytest.raises(SettingsError, match="TRACKFLOW_EXECUTION='cloud' must be local"):
        launcher()


class Kubernetes(ThreadingHTTPServer):
    """The part of its API that takes jobs."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        jobs = self.jobs

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path.split("?")[0] == "/apis/batch/v1/namespaces/fleet/jobs"
                jobs.append(job)
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(job).encode())

            def log_message(self, *_: object) -> None: ...

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def kubernetes() -> Iterator[Kubernetes]:
    with Kubernetes() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.slow
def test_a_run_becomes_a_job_of_kubernetes(
    dagster_home: Path, kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = dagster_home / "kubeconfig"
    address = f"http://127.0.0.1:{kubernetes.server_port}"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": {"server": address}}],
                "users": [{"name": "test", "user": {}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "current-context": "test",
            }
        )
    )
    settings = yaml.safe_load((dagster_home / "dagster.yaml").read_text())
    values = yaml.safe_load((ROOT / "docker/k8s/values.yaml").read_text())
    given = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    settings["run_launcher"]["config"] = {
        "k8s": {
            "service_account_name": "trackflow",
            "instance_config_map": "dagster-instance",
            "dagster_home": "/opt/dagster",
            "job_image": "trackflow:0.8.0",
            "job_namespace": "fleet",
            "load_incluster_config": False,
            "kubeconfig_file": str(kubeconfig),
            "run_k8s_config": {
                "container_config": given["containerConfig"],
                "pod_spec_config": given["podSpecConfig"],
                "job_spec_config": given["jobSpecConfig"],
            },
        }
    }
    (dagster_home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("TRACKFLOW_EXECUTION", "k8s")

    with (
        dg.DagsterInstance.get() as instance,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.chdir(dagster_home)
        from dagster._core.test_utils import create_run_for_test
        from dagster._core.workspace.context import WorkspaceProcessContext
        from dagster._core.workspace.load_target import ModuleTarget

        with WorkspaceProcessContext(
            instance,
            ModuleTarget("trackflow.definitions", None, None, "trackflow.definitions"),
        ) as process:
            workspace = process.create_request_context()
            job = (
                workspace.get_code_location("trackflow.definitions")
                .get_repository("__repository__")
                .get_full_job("check_days_job")
            )
            run = create_run_for_test(
                instance,
                job_name="check_days_job",
                remote_job_origin=job.get_remote_origin(),
                job_code_origin=job.get_python_origin(),
            )
            instance.launch_run(run.run_id, workspace)
    (made,) = kubernetes.jobs
    kubernetes_validate.validate(made, kubernetes_validate.latest_version(), strict=True)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "trackflow:0.8.0"
    assert container["args"][:3] == ["dagster", "api", "execute_run"]
    assert container["resources"]["limits"] == {"memory": "4Gi"}
    assert made["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 120


class SteppedClock:
    """Seconds that are set by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def records() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def run_of(worker: str, run_id: str = "1") -> dg.DagsterRun:
    return dg.DagsterRun("live_job", run_id, tags={WORKER_TAG: worker})


@given(
    st.lists(st.tuples(st.floats(0.1, 30.0), st.booleans()), min_size=1, max_size=30),
)
def test_a_worker_is_dead_after_a_silent_lease_and_never_before(
    records: dg.DagsterInstance, looks: list[tuple[float, bool]]
) -> None:
    """Looks at a worker, with the seconds before each, and whether it has given a sign by then."""
    worker = uuid.uuid4()  # the records of former examples are still there
    clock = SteppedClock()
    watch = WorkerWatch(LEASE_S, clock)
    last_new, count, late = None, 0, 0
    for seconds, has_beaten in looks:
        clock.seconds += seconds
        if has_beaten:
            count += 1
            beat(records, str(worker), count, ["1"])
        if has_beaten or last_new is None:
            last_new = clock.seconds
        late = late + 1 if clock.seconds - last_new > LEASE_S else 0
        found = watch.health(records, run_of(str(worker)))
        assert (found.status is WorkerStatus.FAILED) is (late >= 2)


def test_one_look_after_an_outage_condemns_nobody(records: dg.DagsterInstance) -> None:
    """The daemon may look before any worker could write again."""
    clock = SteppedClock()
    watch = WorkerWatch(LEASE_S, clock)
    beat(records, "cut-off", 1, ["1"])
    watch.health(records, run_of("cut-off"))
    clock.seconds += 10 * LEASE_S
    assert watch.health(records, run_of("cut-off")).status is WorkerStatus.RUNNING
    beat(records, "cut-off", 2, ["1"])
    clock.seconds += 1
    assert watch.health(records, run_of("cut-off")).status is WorkerStatus.RUNNING


def test_a_run_that_its_worker_no_longer_has_is_lost(records: dg.DagsterInstance) -> None:
    watch = WorkerWatch(LEASE_S, SteppedClock())
    beat(records, "forgetful", 1, ["1", "2"])
    assert watch.health(records, run_of("forgetful", "2")).status is WorkerStatus.RUNNING
    beat(records, "forgetful", 2, ["1"])
    assert watch.health(records, run_of("forgetful", "1")).status is WorkerStatus.RUNNING
    lost = watch.health(records, run_of("forgetful", "2"))
    assert lost.status is WorkerStatus.FAILED
    assert "no longer executes" in (lost.msg or "")


@pytest.mark.parametrize(
    ("status", "worker"),
    [("STARTING", "another"), ("STARTED", "another"), ("STARTED", "this"), ("CANCELED", "")],
)
def test_a_run_that_is_taken_or_over_is_left_alone(
    records: dg.DagsterInstance, status: str, worker: str
) -> None:
    """A broker may bring a message twice; two processes of a run would fail it."""
    run = dg.DagsterRun("live_job", status=dg.DagsterRunStatus[status], tags={WORKER_TAG: worker})
    records.add_run(run)
    processes = RunProcesses(
        "this", LEASE_S, lambda: cast("dg.DagsterInstance", nullcontext(records))
    )
    code = RepositoryPythonOrigin(
        sys.executable, ModuleCodePointer("trackflow.definitions", "defs", None)
    )
    processes.execute(ExecuteRunArgs(JobPythonOrigin("live_job", code), run.run_id, None))
    found = records.get_run_by_id(run.run_id)
    assert found is not None
    assert (found.status.value, found.tags[WORKER_TAG]) == (status, worker)


def test_a_worker_needs_a_broker_and_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    from trackflow.cli import worker

    with pytest.raises(SettingsError, match="set TRACKFLOW_BROKER_URL"):
        worker.worker()
    monkeypatch.setenv("TRACKFLOW_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(worker, "find_spec", lambda name: None if name == "celery" else name)
    with pytest.raises(
        SettingsError, match=r"celery is missing: pip install 'trackflow\[celery\]'"
    ):
        worker.worker()
