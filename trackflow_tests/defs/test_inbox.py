"""The inbox in Dagster: files become a run, and a run becomes points."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from trackflow.defs.intake.jobs import import_inbox_job
from trackflow.defs.intake.sensors import inbox_sensor
from trackflow.defs.resources import TrackflowResource
from trackflow.store.tables import gps_points
from trackflow_tests.helpers.fleet import write_drives


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def trackflow(tmp_path: Path) -> TrackflowResource:
    return TrackflowResource(str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files_settle_at_once: None) -> Path:
    path = tmp_path / "inbox"
    path.mkdir()
    monkeypatch.setenv("TRACKFLOW_INBOX", str(path))
    return path


def tick(instance: dg.DagsterInstance, trackflow: TrackflowResource) -> dg.RunRequest | str:
    context = dg.build_sensor_context(instance=instance)
    answer = inbox_sensor(context, trackflow=trackflow)
    if isinstance(answer, dg.SkipReason):
        return answer.skip_message or ""
    assert isinstance(answer, dg.RunRequest)
    return answer


def run_it(instance: dg.DagsterInstance, trackflow: TrackflowResource) -> dg.ExecuteInProcessResult:
    return import_inbox_job.execute_in_process(
        instance=instance, resources={"trackflow": trackflow}, raise_on_error=False
    )


def test_a_new_file_is_requested_imported_and_then_left_alone(
    instance: dg.DagsterInstance, trackflow: TrackflowResource, folder: Path
) -> None:
    assert tick(instance, trackflow) == "No new files."
    write_drives(folder / "drives.csv", days=1, devices=1, points=20)
    (folder / "bad.gpx").write_text("<gpx><trk")
    first = tick(instance, trackflow)
    assert isinstance(first, dg.RunRequest)
    again = tick(instance, trackflow)
    assert isinstance(again, dg.RunRequest)
    assert again.run_key == first.run_key, "a tick that died half-way must not request twice"

    result = run_it(instance, trackflow)

    assert result.success
    (output,) = [e for e in result.all_events if e.is_successful_output]
    numbers = {k: v.value for k, v in output.step_output_data.metadata.items()}
    assert numbers == {
        "files": 2, "points_added": 20, "refused": 0, "bad_files": 1, "still_being_written": 0,
    }  # fmt: skip
    assert tick(instance, trackflow) == "No new files."
    with trackflow.open() as trackflow_context, trackflow_context.store.read() as connection:
        assert len(connection.execute(gps_points.select()).all()) == 20


def test_files_of_a_run_that_failed_are_requested_anew(
    instance: dg.DagsterInstance,
    trackflow: TrackflowResource,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_drives(folder / "drives.csv", days=1, devices=1, points=5)
    first = tick(instance, trackflow)
    with monkeypatch.context() as patch:
        patch.setenv("TRACKFLOW_INBOX", str(folder / "gone"))
        assert not run_it(instance, trackflow).success
    second = tick(instance, trackflow)
    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.RunRequest)
    assert second.run_key != first.run_key


def test_it_waits_for_a_run_that_is_at_it(
    instance: dg.DagsterInstance, trackflow: TrackflowResource, folder: Path
) -> None:
    write_drives(folder / "drives.csv", days=1, devices=1, points=5)
    run = instance.create_run_for_job(import_inbox_job, status=dg.DagsterRunStatus.STARTED)
    assert tick(instance, trackflow) == f"Run {run.run_id[:8]} is importing."


def test_without_a_folder_it_says_what_to_do(
    instance: dg.DagsterInstance, trackflow: TrackflowResource
) -> None:
    said = tick(instance, trackflow)
    assert isinstance(said, str)
    assert "set TRACKFLOW_INBOX" in said
