"""What happens when things go wrong: a database that is away, steps that fail, who is told."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from trackflow.definitions import defs
from trackflow.defs import errors
from trackflow.defs.errors import StepError, step, tick
from trackflow.defs.housekeeping.sensors import run_failures_sensor
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import is_own_run
from trackflow.errors import SettingsError, SourceUnavailableError, StoreUnavailableError
from trackflow_tests.helpers.ticks import tick as tick_of

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `repository_def` of")  # of a test's own

REPOSITORY = defs.get_repository_def()
NO_STORE = (
    "housekeeping_schedule",
    "catalogue_schedule",
    "catalogue_checks_schedule",
    "days_checks_schedule",
)
"""They ask nothing of the database: their run does."""

NO_STORE_YET = ("run_failures_sensor", "retries_sensor", "helpers_sensor")
"""They ask nothing of it either while no run is under way."""


@pytest.fixture
def _without_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An address at which nobody listens, and all that makes sensors look."""
    monkeypatch.setenv("TRACKFLOW_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("TRACKFLOW_FOLLOW_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setenv("TRACKFLOW_INBOX", str(tmp_path))


@pytest.mark.usefixtures("_without_database")
@pytest.mark.parametrize(
    "name", [s.name for s in REPOSITORY.sensor_defs if s.name not in NO_STORE_YET]
)
def test_a_sensor_skips_with_one_line_while_the_database_is_away(
    name: str, home: Path, instance: dg.DagsterInstance
) -> None:
    found = tick_of(name, home, instance, None)

    assert isinstance(found, dg.SkipReason), found
    _is_one_clear_line(str(found.skip_message))


@pytest.mark.usefixtures("_without_database")
@pytest.mark.parametrize(
    "name", [s.name for s in REPOSITORY.schedule_defs if s.name not in NO_STORE]
)
def test_a_schedule_skips_with_one_line_while_the_database_is_away(
    name: str, home: Path, instance: dg.DagsterInstance
) -> None:
    context = dg.build_schedule_context(
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
        scheduled_execution_time=dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC),
    )
    found = REPOSITORY.get_schedule_def(name)(context)

    assert isinstance(found, dg.SkipReason), found
    _is_one_clear_line(str(found.skip_message))


def _is_one_clear_line(said: str) -> None:
    assert said.startswith("Not now, the next tick asks again: ")
    assert "\n" not in said
    assert "Traceback" not in said


def test_a_tick_does_not_hide_settings_that_make_no_sense() -> None:
    @tick
    def asks() -> None:
        raise SettingsError("TRACKFLOW_WORKERS=many is not a number")

    with pytest.raises(SettingsError):
        asks()


RAISED = {
    "away": (StoreUnavailableError("the database is away"), True),
    "settings": (SettingsError("no number"), False),
    "source": (SourceUnavailableError("the site is away"), False),
    "step": (StepError("not complete", retryable=True, metadata={"days": 3}), True),
    "done": (StepError("a person has to look"), False),
}


@pytest.mark.parametrize("yields", [False, True])
@pytest.mark.parametrize("name", list(RAISED))
def test_a_step_is_retried_just_where_that_helps(
    name: str, yields: bool, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    monkeypatch.setattr(errors, "RETRY_AFTER_S", 0)
    error, is_retried = RAISED[name]

    @dg.asset
    @step(never_retried=(SourceUnavailableError,))
    def returning(context: dg.AssetExecutionContext) -> None:
        raise error

    @dg.asset
    @step(never_retried=(SourceUnavailableError,))
    def yielding(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        raise error
        yield

    done = dg.materialize(
        [yielding if yields else returning], instance=instance, raise_on_error=False
    )

    (failure,) = [event for event in done.all_events if event.is_step_failure]
    retries = [event for event in done.all_events if event.is_step_up_for_retry]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert data.description == str(error)
    assert len(retries) == (errors.MOST_RETRIES if is_retried else 0)
    assert set(data.metadata) == ({"days"} if name == "step" else set())


def test_a_mistake_of_the_program_keeps_its_stack(instance: dg.DagsterInstance) -> None:
    @dg.asset
    @step
    def wrong(context: dg.AssetExecutionContext) -> None:
        raise KeyError("nothing of that name")

    done = dg.materialize([wrong], instance=instance, raise_on_error=False)

    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert "KeyError" in str(failure.step_failure_data.error)


@dg.asset
def foreign() -> None:
    raise ValueError("no business of trackflow's")


def failed_import(home: Path, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    done = defs.resolve_job_def("import_inbox_job").execute_in_process(
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
        raise_on_error=False,
    )
    assert not done.success
    return done


def heard(done: dg.ExecuteInProcessResult, instance: dg.DagsterInstance) -> str:
    """What the sensor answers for a failed run."""
    (event,) = [e for e in done.all_events if e.event_type is dg.DagsterEventType.RUN_FAILURE]
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failures_sensor",
        dagster_event=event,
        dagster_instance=instance,
        dagster_run=done.dagster_run,
        repository_def=REPOSITORY,
    ).for_run_failure()
    found = run_failures_sensor(context, trackflow=TrackflowResource())
    return str(found.skip_message) if isinstance(found, dg.SkipReason) else "told"


def test_people_are_told_once_of_a_failing_run(
    home: Path,
    instance: dg.DagsterInstance,
    messages: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRACKFLOW_INBOX", str(home / "missing"))
    first = failed_import(home, instance)
    assert heard(first, instance) == "told"
    assert "has failed before" in heard(failed_import(home, instance), instance)

    (message,) = messages
    assert message["title"] == "trackflow: the run import_inbox_job has failed"
    assert "missing" in message["message"]
    assert first.run_id[:8] in message["message"]
    assert "Traceback" not in message["message"]

    key = dg.AssetCheckKey(dg.AssetKey("segments"), "ledger_balances")
    for own in ({"asset_selection": {key.asset_key}}, {"asset_check_selection": {key}}):
        assert is_own_run(dg.DagsterRun(job_name="__ASSET_JOB", **own), REPOSITORY)
    done = dg.materialize([foreign], instance=instance, raise_on_error=False)
    assert "none of trackflow's" in heard(done, instance)
    monkeypatch.delenv("TRACKFLOW_NOTIFY_URLS")
    assert "TRACKFLOW_NOTIFY_URLS is not set" in heard(first, instance)
    assert len(messages) == 1


def test_a_red_check_is_told_by_name_and_a_mistake_without_its_stack(
    messages: list[dict[str, str]],
) -> None:
    @dg.asset(key="segments")
    def made() -> None: ...

    @dg.asset_check(asset=made, blocking=True)
    def adds_up() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, description="2 devices do not add up")

    @dg.asset(key="tracks")
    def wrong() -> None:
        raise KeyError("nothing of that name")

    for things in ([made, adds_up], [wrong]):
        with dg.DagsterInstance.ephemeral() as instance:
            done = dg.materialize(
                things, instance=instance, raise_on_error=False, tags={"trackflow/subject": "days"}
            )
            heard(done, instance)

    red, mistake = (message["message"] for message in messages)
    assert "adds_up of segments is red. 2 devices do not add up" in red
    assert "nothing of that name" in mistake
    assert "Traceback" not in mistake
    assert "File " not in mistake
