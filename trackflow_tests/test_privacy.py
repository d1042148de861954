"""Positions of people are in the tables and nowhere else: not in logs, run tags or event logs."""

import datetime as dt
import logging
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.intake.jobs import import_inbox_job
from trackflow.defs.resources import TrackflowResource
from trackflow.errors import StoreUnavailableError
from trackflow.store.access.tokens import Scope
from trackflow.store.database import open_store
from trackflow.store.tables import gps_points
from trackflow.usecases.days.run import run
from trackflow.usecases.intake.importing import import_paths
from trackflow_tests.helpers.http_servers import answering, server_that
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import open_context, settings_of

LON, LAT = "47.11", "-17.29"
"""Far from anything else in these tests; every position lies within 0.01 degrees of it."""
MARKS = (LON, LAT, LAT.removeprefix("-"))

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def write_csv(path: Path, count: int = 60) -> Path:
    lines = ["device_id,timestamp,longitude,latitude"]
    for k in range(count):
        moment = NOW + dt.timedelta(seconds=10 * k)
        lines.append(f"a,{moment.isoformat()},{LON}{16 * k:03d},{LAT}{16 * k:03d}")
    lines += [f"a,nonsense,{LON}9,{LAT}9", f"a,{NOW.isoformat()},{LON}8,{LAT}8", "a,1,2"]
    path.write_text("\n".join(lines))
    return path


def leaks(text: str) -> list[str]:
    return [line[:300] for line in text.splitlines() if any(mark in line for mark in MARKS)]


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All loggers at DEBUG, as somebody who hunts a bug sets them."""
    caplog.set_level(logging.DEBUG)
    return caplog


def test_what_is_looked_for_can_be_found(everything_logged: pytest.LogCaptureFixture) -> None:
    logging.getLogger("anything").debug("at %s", f"{LON}123")
    assert len(leaks(everything_logged.text)) == 1


def test_import_and_run_log_no_position(
    database_url: str, tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    answers = iter([answering(200, b'{"code":"Ok"}')])  # to what the network's version is
    no_match = answering(400, b'{"code":"NoMatch","message":"Could not match the trace."}')
    with (
        server_that(lambda out: next(answers, no_match)(out)) as (url, heads),
        open_context(database_url, tmp_path, engine_url=url) as context,
    ):
        report = import_paths(context, [write_csv(tmp_path / "a.csv")])
        done = run(context)
    assert report.accepted.added == 60
    asked = [head for head in heads if "/match/v1/" in head]
    assert asked, "positions go to the engine in the address, as numbers or as a polyline"
    assert "/match/v1/" not in everything_logged.text
    assert leaks(everything_logged.text) == []
    assert leaks(repr([day.error for day in done.problems])) == []


def test_errors_of_the_database_tell_no_position(database_url: str, tmp_path: Path) -> None:
    store = open_store(settings_of(database_url, tmp_path))
    with pytest.raises(Exception, match="gps_points") as caught, store.write() as connection:
        connection.execute(
            gps_points.insert(),
            [{"device_id": "a", "recorded_at": NOW, "longitude": float(LON), "latitude": None,
              "source": "x", "received_seq": 1}],
        )  # fmt: skip
    store.close()
    assert leaks(str(caught.value).partition("\nDETAIL")[0]) == []


def test_what_is_no_text_is_not_quoted(tmp_path: Path) -> None:
    store = open_store(settings_of("", tmp_path))
    with pytest.raises(StoreUnavailableError, match="UTF-8") as caught, store.read() as connection:
        connection.execute(sa.text(f"SELECT cast(x'ff' || '{LON}' AS TEXT) AS place")).all()
    store.close()
    assert leaks(str(caught.value)) == []


def test_deliveries_and_answers_are_not_logged(
    tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    with open_context("", tmp_path) as context:
        secret = token_for(context, Scope.INGEST)
        logging.getLogger("httpx").setLevel(logging.WARNING)  # that is the sender here
        with running_api(context) as client:
            sent = {"_type": "location", "lat": float(LAT), "lon": float(LON), "tst": 1772452800}
            query = f"id=a&lat={LAT}&lon={LON}&timestamp=1772452810"
            for answer in (
                client.post("/ingest/owntracks?u=u&d=a", json=sent, **bearer(secret)),
                client.post("/ingest/owntracks", json=sent | {"tst": "bad"}, **bearer(secret)),
                client.get(f"/ingest/traccar?{query}", **bearer(secret)),
                client.post("/ingest/geojson", content=f"[{LON},{LAT}", **bearer(secret)),
            ):
                assert answer.status_code == 200, answer.text
            for answer in (
                client.get(f"/ingest/traccar?{query}"),
                client.get(f"/api/v1/tracks?bbox={LON},{LAT},x,y", **bearer(secret)),
                client.post(f"/ingest/nowhere?lat={LAT}&lon={LON}", json=sent, **bearer(secret)),
            ):
                assert answer.status_code >= 400
                assert leaks(answer.text) == []
        with context.store.read() as connection:
            assert len(connection.execute(gps_points.select()).all()) == 2
    assert leaks(everything_logged.text) == []


@pytest.mark.usefixtures("files_settle_at_once")
def test_dagsters_records_have_no_position(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, everything_logged: pytest.LogCaptureFixture
) -> None:
    folder, home = tmp_path / "inbox", tmp_path / "home"
    folder.mkdir()
    write_csv(folder / "a.csv")
    monkeypatch.setenv("TRACKFLOW_INBOX", str(folder))
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    resources = {"trackflow": TrackflowResource(str(home))}
    with dg.DagsterInstance.ephemeral() as instance:
        assert import_inbox_job.execute_in_process(instance=instance, resources=resources).success
        with (
            Context.open(resources["trackflow"].settings) as context,
            context.store.read() as connection,
        ):
            assert len(connection.execute(gps_points.select()).all()) == 60
        done = defs.resolve_job_def("process_days_job").execute_in_process(
            instance=instance, resources=resources, partition_key="2026-03-02"
        )
        assert done.success
        records = [
            event
            for one in instance.get_runs()
            for event in (
                repr((one.tags, one.run_config)),
                *(dg.serialize_value(log) for log in instance.all_logs(one.run_id)),
            )
        ]
    assert any("ASSET_MATERIALIZATION" in record for record in records)
    assert leaks("\n".join(records)) == []
    assert leaks(everything_logged.text) == []
