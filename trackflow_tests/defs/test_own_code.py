"""Dagster as `trackflow serve` runs it: with the definitions in its own process, runs in theirs."""

import datetime as dt
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trackflow.supervising import MODULE
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives
from trackflow_tests.helpers.processes import words_of
from trackflow_tests.helpers.served import Served, left_behind, trackflow_serve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.xdist_group("serve")]

OLDER = dt.date(2008, 5, 6)

LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }"""

CANCEL = """mutation Cancel($id: String!) { terminateRun(runId: $id) { __typename } }"""

RUN = """query Run($id: ID!) { runOrError(runId: $id) { ... on Run {
  status  eventConnection { events { ... on MessageEvent { message } } }
} } }"""

FIRST_PARTITION = '{ assetNodes(assetKeys: [{path: ["tracks"]}]) { partitionKeys } }'

LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"

RELOAD = """mutation { reloadWorkspace { ... on Workspace {
  locationEntries { name locationOrLoadError { __typename } }
} } }"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("own-code")
    import_drives(folder / "home", write_drives(folder / "drives.csv", 1, 1, points=20))
    with trackflow_serve(folder / "home", folder) as served:
        yield served


def test_three_processes_are_there_at_rest(served: Served) -> None:
    def programs() -> list[str]:
        found = [" ".join(words_of(pid)) for pid in left_behind(served.home)]
        return [words for words in found if "execute_run" not in words]

    found = served.server.wait_for(
        "runs of the import", lambda: len(programs()) == 3 and programs()
    )
    for program in ("trackflow.supervising", "defs.machines.programs", "serve --no-dagster"):
        assert sum(program in words for words in found) == 1, (program, found)
    entries = served.server.query(LOCATIONS)["workspaceOrError"]["locationEntries"]
    assert entries == [{"name": MODULE, "loadStatus": "LOADED"}]


def test_a_run_has_a_process_of_its_own_and_ends_well(served: Served) -> None:
    run_id = _launch(served, "housekeeping_job")

    assert _ended(served, run_id)["status"] == "SUCCESS"


def test_definitions_can_be_loaded_again_from_the_page(served: Served) -> None:
    entries = served.server.query(RELOAD)["reloadWorkspace"]["locationEntries"]

    assert entries == [
        {"name": MODULE, "locationOrLoadError": {"__typename": "RepositoryLocation"}}
    ]


def test_a_cancelled_run_is_interrupted(served: Served) -> None:
    run_id = _started(served, "live_job")

    assert served.server.query(CANCEL, id=run_id)["terminateRun"] == {
        "__typename": "TerminateRunSuccess"
    }

    assert _ended(served, run_id)["status"] == "CANCELED"


def test_a_run_whose_process_is_killed_fails_and_says_so(served: Served) -> None:
    run_id = _started(served, "live_job")

    os.kill(_process_of(served, run_id)[0], signal.SIGKILL)

    run = _ended(served, run_id)
    assert run["status"] == "FAILURE"
    said = [event["message"] for event in run["eventConnection"]["events"] if event]
    assert any("Its process ended with -9" in message for message in said), said


def test_days_begin_earlier_once_older_points_came_in(served: Served, tmp_path: Path) -> None:
    """The definitions are loaded again, without an end of what runs or of the page."""

    def first() -> str:
        (node,) = served.server.query(FIRST_PARTITION)["assetNodes"]
        return str(node["partitionKeys"][0])

    assert first() == FIRST_DAY.isoformat()
    import_drives(served.home, write_drives(tmp_path / "older.csv", 1, 1, OLDER, points=20))

    served.server.wait_for("older day", lambda: first() == "2008-01-01")


def test_runs_end_with_dagster_and_are_not_taken_for_running(served: Served) -> None:
    run_id = _started(served, "live_job")
    (dagster,) = (pid for pid in left_behind(served.home) if MODULE in words_of(pid))

    os.kill(dagster, signal.SIGKILL)

    served.server.wait_for("restart", lambda: "Dagster is up again." in served.said())
    assert _ended(served, run_id)["status"] in ("FAILURE", "CANCELED")


def _launch(served: Served, job: str) -> str:
    selector = {
        "repositoryLocationName": MODULE,
        "repositoryName": "__repository__",
        "jobName": job,
    }
    launched = served.server.query(LAUNCH, params={"selector": selector})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def _started(served: Served, job: str) -> str:
    """A run whose process is at work."""
    run_id = _launch(served, job)
    served.server.wait_for("start", lambda: _run(served, run_id)["status"] == "STARTED")
    assert _process_of(served, run_id)
    return run_id


def _process_of(served: Served, run_id: str) -> list[int]:
    """Its own process: those that write its output to files end by themselves, some time later."""
    found = ((pid, words_of(pid)) for pid in left_behind(served.home))
    return [pid for pid, words in found if "execute_run" in words and run_id in " ".join(words)]


def _run(served: Served, run_id: str) -> dict[str, Any]:
    run: dict[str, Any] = served.server.query(RUN, id=run_id)["runOrError"]
    return run


def _ended(served: Served, run_id: str) -> dict[str, Any]:
    """The run once it has ended and its process is gone."""

    def ended() -> dict[str, Any] | None:
        run = _run(served, run_id)
        return run if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

    run: dict[str, Any] = served.server.wait_for("end of the run", ended)
    served.server.wait_for("end of its process", lambda: not _process_of(served, run_id))
    return run
