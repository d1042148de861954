"""A database in real trouble, at every face: told in one line, nothing lost, well again by itself.

Read-only as after a fail-over, full, locked, statements ended by a time-out or by somebody.
"""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from trackflow.concurrency.faults import fault_of
from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs import errors as of_steps
from trackflow.errors import StoreRefusesError, StoreUnavailableError
from trackflow.store import probing
from trackflow.store.tables import cached_polylines, devices, processing_batches
from trackflow.usecases.days import claims
from trackflow.usecases.days.run import run
from trackflow.usecases.housekeeping.alerts.watching import alerts_now
from trackflow.usecases.housekeeping.health import write_probe
from trackflow.usecases.queries.lines import TimeRange
from trackflow.web.accessed import ReadLog
from trackflow_tests.helpers.broken_databases import read_only, troubles
from trackflow_tests.helpers.commands import caller
from trackflow_tests.helpers.filled import fill
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
)

"""Nothing here waits for a time-out of the client."""

ENDED_OR_FULL = {"full", "slow", "cancelled"}
"""Troubles in which claims can still be taken, as they need no room and none of the tables."""


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path / "home", retention_days=30) as opened:
        yield opened


def report(number: int) -> dict[str, Any]:
    return {
        "device_id": "van",
        "recorded_at": (NOON + dt.timedelta(seconds=number)).isoformat(),
        "longitude": 24.94,
        "latitude": 60.17,
    }


def test_a_sender_is_told_to_come_again_and_the_health_says_why(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "PROBE_EVERY_S", 0.0)
    places = re.compile(rf"/tmp|{re.escape(context.store.engine.url.database or '')}")
    with running_api(context) as api:
        for number, (name, trouble) in enumerate(troubles(context.store).items()):
            assert api.get("/health").status_code == 200
            with trouble(context.store):
                # enough that even free pages of a full file do not suffice
                many = [report(number * 10_000 + k) for k in range(5_000)]
                answer = api.post("/ingest/geojson", json=many)
                assert (answer.status_code, name) == (503, name)
                assert int(answer.headers["retry-after"]) > 0
                assert "24.9" not in answer.text
                assert not places.search(answer.text), answer.text
                assert "\n" not in answer.json()["error"]
                health = api.get("/health")
                # a lock that another writer holds is no fault: it shows that writing works
                assert health.status_code == (200 if name == "locked" else 503), name
                assert not places.search(health.text), health.text
                told = [alert.rule for alert in alerts_now(context, write_probe(context))]
                assert ("database" in told) is (name != "locked"), (name, told)
                assert api.get("/api/v1/devices").status_code == 200, "reading goes on"
            answer = api.post("/ingest/geojson", json=report(number))
            assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
            assert api.get("/health").status_code == 200, name
    assert len(contents(context.store, "gps_points")["gps_points"]) == number + 1


def test_batches_wait_without_using_up_tries(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "OUTAGE_S", 0.5)
    b = processing_batches.c
    for number, (name, trouble) in enumerate(troubles(context.store).items()):
        start = NOON + dt.timedelta(days=number)
        deliver(context.store, batch_of_device("van", drive(start, 2_000, every_s=1.0)))
        with trouble(context.store):
            if name in ENDED_OR_FULL:
                told = [day for stage in run(context).stages for day in stage.days]
                assert any(day.deferred for day in told), name
                assert not [day.error for day in told if day.error and not day.deferred]
            else:  # nothing can be claimed
                with pytest.raises(StoreUnavailableError):
                    _raise_of(run(context))
        with context.store.read() as connection:
            rows = connection.execute(sa.select(b.status, b.retry_count).distinct()).all()
        assert "failed" not in {row.status for row in rows}
        assert max(row.retry_count for row in rows) == 0
        assert not run(context).problems, name
        with context.store.read() as connection:
            assert set(connection.scalars(sa.select(b.status))) == {"completed"}


def _raise_of(report: Any) -> None:
    """A run tells of days that it could not even claim as of days that wait."""
    told = [day for stage in report.stages for day in stage.days]
    assert told
    assert all(day.deferred for day in told)
    raise StoreUnavailableError(told[0].error)


def test_a_connection_made_before_a_fail_over_is_not_used_after_it(context: Context) -> None:
    with read_only(context.store):
        for _ in range(2):
            with pytest.raises(StoreRefusesError, match="read-only"):
                deliver(context.store, batch_of_device("van", drive(NOON, 3)))
    deliver(context.store, batch_of_device("van", drive(NOON, 3)))


def test_notes_of_what_was_read_do_not_end_their_thread(context: Context) -> None:
    fill(context.store, "van", 1)
    accessed = ReadLog(context)
    day = TimeRange(NOON - dt.timedelta(days=1), NOON + dt.timedelta(days=30))
    for trouble in troubles(context.store).values():
        with trouble(context.store):
            accessed.note(["van"], day)
            accessed._flush_if_possible()
    accessed.note(["van"], day)
    accessed.flush()
    with context.store.read() as connection:
        read_at = connection.scalars(sa.select(cached_polylines.c.last_accessed)).all()
    assert set(read_at) == {context.clock()}


@pytest.mark.parametrize("verb", [("run",), ("import", "drive.csv")])
def test_a_command_says_it_in_one_line(
    context: Context,
    verb: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "drive.csv").write_text(
        "device_id,recorded_at,latitude,longitude\nvan,2026-03-02T12:00:00Z,60.1,24.9\n"
    )
    deliver(context.store, batch_of_device("van", drive(NOON - dt.timedelta(days=400), 10)))
    deliver(context.store, batch_of_device("van", drive(NOON, 10)))
    url = context.store.engine.url
    text = url.render_as_string(hide_password=False)
    if not context.store.is_postgresql:  # a connection of its own, without our pragma
        text = f"sqlite:///file:{url.database}?mode=ro&uri=true"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKFLOW_DATABASE_URL", text)
    monkeypatch.setenv("TRACKFLOW_RETENTION_DAYS", "30")
    with read_only(context.store):
        done = caller(monkeypatch, capfd)(*verb)
    assert done.code == 1
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, lines
    assert "read-only" in lines[0] or "readonly" in lines[0]


@pytest.mark.parametrize("job", ["housekeeping_job", "process_days_job", "find_visits_job"])
def test_a_step_is_tried_again_and_then_fails_with_the_same_words(
    context: Context, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the run's steps open stores of their own, this one's trouble has to reach those."""
    deliver(context.store, batch_of_device("van", drive(NOON, 30)))
    b = processing_batches.c
    with (
        monkeypatch.context() as patch,
        read_only(context.store),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        patch.setattr(of_steps, "RETRY_AFTER_S", 0)
        patch.setattr(
            Context,
            "open",
            lambda *_, often: Context(context.settings, context.store, context.clock),
        )
        patch.setattr(Context, "close", lambda _: None)
        done = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=NOON.date().isoformat() if job == "process_days_job" else None,
            raise_on_error=False,
        )
    if job == "find_visits_job":
        assert done.success, "there are no race tracks: nothing is written"
        return
    assert not done.success
    failures = [event for event in done.all_events if event.is_step_failure]
    words = " ".join(str(event.step_failure_data.error) for event in failures)
    assert "read-only" in words or "readonly" in words
    assert any(event.is_step_up_for_retry for event in done.all_events)
    with context.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.max(b.retry_count))) == 0


def test_a_mistake_in_a_statement_is_none_of_the_databases_faults(context: Context) -> None:
    for statement in ("SELECT nothing_like_it FROM devices", "SELEKT 1"):
        with pytest.raises(sa.exc.DBAPIError) as caught, context.store.read() as connection:
            connection.execute(sa.text(statement))
        assert fault_of(caught.value) is None
    row = {"device_id": "a", "created_at": NOON}
    with pytest.raises(sa.exc.IntegrityError) as twice, context.store.write() as connection:
        connection.execute(sa.insert(devices), [row, row])
    assert fault_of(twice.value) is None
