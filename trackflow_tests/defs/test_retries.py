"""Retries that Dagster overlooks, as it looks at a failed run before all of it is written."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, BACKFILL_ID_TAG, WILL_RETRY_TAG
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import filter_runs_to_should_retry
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon

from trackflow.defs.housekeeping import retries
from trackflow_tests.helpers.ticks import skipped

pytestmark = pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning")  # Dagster's


@dg.op
def nothing() -> None: ...


@dg.job
def nothing_job() -> None:
    nothing()


class Retrier(EventLogConsumerDaemon):
    """Dagster's daemon that starts retries, but for the start, which needs a code server."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        super().__init__()
        self.instance = instance
        self.retried: list[str] = []

    @property
    def handle_updated_runs_fns(self) -> Sequence[Callable[..., Iterator[None]]]:
        return [self._retry]

    def _retry(self, _: Any, records: Sequence[dg.RunRecord], __: Any) -> Iterator[None]:
        runs = [record.dagster_run for record in records]
        for run in filter_runs_to_should_retry(runs, self.instance):
            self.retried.append(run.run_id)
            self.instance.add_run_tags(run.run_id, {AUTO_RETRY_RUN_ID_TAG: "its retry"})
            yield

    def look(self) -> None:
        """Do one iteration."""
        for _ in self.run_iteration(SimpleNamespace(instance=self.instance)):  # type: ignore[arg-type]
            pass


class Deployment:
    """Dagster's records and its daemon."""

    def __init__(self, instance: dg.DagsterInstance, home: Path) -> None:
        self.instance, self.home = instance, home
        self.retrier = Retrier(instance)
        self.retrier.look()  # the first look only remembers where the events end

    def backfill(self) -> PartitionBackfill:
        made = PartitionBackfill(uuid.uuid4().hex, BulkActionStatus.REQUESTED, False, {}, 0.0)
        self.instance.add_backfill(made)
        return made

    def failed_unseen(self, **tags: str) -> str:
        """A failed run; the daemon looks when its event is there, and its status not yet."""
        run = self.instance.create_run_for_job(
            nothing_job,
            tags={"trackflow/subject": "days", **tags},
            status=dg.DagsterRunStatus.STARTED,
        )
        storage = self.instance.run_storage
        write_status = storage.handle_run_event

        def look_first(*args: Any) -> None:
            self.retrier.look()
            write_status(*args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(storage, "handle_run_event", look_first)
            self.instance.report_run_failed(run, "Its machine is gone.")
        self.retrier.look()
        assert not self.retrier.retried, "Dagster sees it by itself now: delete the sensor"
        return run.run_id

    def sensor(self) -> str:
        return skipped("retries_sensor", self.home, self.instance)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    folder = str(tmp_path_factory.mktemp("dagster"))
    overrides = {"run_retries": {"enabled": True, "max_retries": 2}}
    with dg.DagsterInstance.local_temp(folder, overrides=overrides) as instance:
        yield instance


@pytest.fixture
def deployment(
    records: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Deployment:
    monkeypatch.setattr(retries, "TIME_TO_RETRY", dt.timedelta(0))
    return Deployment(records, tmp_path)


def test_a_retry_that_was_overlooked_is_started_once(deployment: Deployment) -> None:
    run = deployment.failed_unseen()

    for _ in range(2):
        deployment.sensor()
        deployment.retrier.look()

    assert deployment.retrier.retried == [run]
    assert deployment.sensor() == "No retry is missing."


@pytest.mark.parametrize("status", [BulkActionStatus.REQUESTED, BulkActionStatus.COMPLETED_FAILED])
def test_a_backfill_goes_on_with_the_retry_that_was_overlooked(
    deployment: Deployment, status: BulkActionStatus
) -> None:
    backfill = deployment.backfill()
    run = deployment.failed_unseen(**{BACKFILL_ID_TAG: backfill.backfill_id})
    deployment.instance.update_backfill(backfill.with_status(status).with_end_timestamp(1.0))

    deployment.sensor()
    deployment.retrier.look()

    assert deployment.retrier.retried == [run]
    found = deployment.instance.get_backfill(backfill.backfill_id)
    assert found is not None
    assert found.status is BulkActionStatus.REQUESTED


def test_what_a_person_has_cancelled_stays_so(deployment: Deployment) -> None:
    backfill = deployment.backfill()
    deployment.failed_unseen(**{BACKFILL_ID_TAG: backfill.backfill_id})
    deployment.instance.update_backfill(backfill.with_status(BulkActionStatus.CANCELED))

    assert deployment.sensor() == "No retry is missing."
    deployment.retrier.look()
    assert not deployment.retrier.retried


def test_a_retry_that_cannot_be_started_is_given_up(deployment: Deployment) -> None:
    run = deployment.failed_unseen()

    for _ in range(retries.MOST_REPEATS + 1):  # the daemon never looks
        assert run[:8] in deployment.sensor()

    assert deployment.sensor() == "No retry is missing."
    found = deployment.instance.get_run_by_id(run)
    assert found is not None
    assert found.tags[WILL_RETRY_TAG] == "false"
    deployment.retrier.look()
    assert not deployment.retrier.retried
