"""The catalogue in Dagster: schedules that wait for a source, reports, checks that see."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.resources import TrackflowResource
from trackflow.settings import Settings
from trackflow.store.catalogue.tables import catalogue_syncs, catalogue_tracks
from trackflow.usecases.catalogue.report import last_reports
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow_tests.helpers.catalogues import settings_for
from trackflow_tests.helpers.liverc_site import Behaviour, Site, site_with

COUNT = 20


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with site_with(COUNT) as running:
        monkeypatch.setenv("TRACKFLOW_LIVERC_URL", settings_for(running)["liverc_url"])
        monkeypatch.setenv("TRACKFLOW_CATALOGUE_PER_S", "1000")
        yield running


def test_nobodys_site_is_asked_unasked(home: Path, instance: dg.DagsterInstance) -> None:
    for name in ("catalogue_schedule", "catalogue_checks_schedule"):
        found = _tick(name, home, instance)
        assert isinstance(found, dg.SkipReason)
        assert "set TRACKFLOW_LIVERC_URL to 'https://" in str(found.skip_message)
    assert isinstance(_tick("visits_schedule", home, instance), dg.SkipReason)


def test_a_scheduled_run_does_as_the_command_does(
    home: Path, instance: dg.DagsterInstance, site: Site, tmp_path: Path
) -> None:
    (request,) = _requests("catalogue_schedule", home, instance)
    done = _run("sync_catalogue_job", home, instance, request)

    assert done.success
    (made,) = done.asset_materializations_for_node("track_catalogue")
    assert made.metadata["added"].value == COUNT
    assert made.metadata["dagster/row_count"].value == COUNT
    assert "# Catalogue sync of liverc: completed" in str(made.metadata["report"].value)
    assert all(check.passed for check in done.get_asset_check_evaluations())
    by_hand = tmp_path / "by-hand"
    with Context.open(Settings(home=by_hand, **settings_for(site))) as trackflow_context:
        run_job(trackflow_context, queue_job(trackflow_context, "catalogue_sync", {}).job_id)
    assert _rows(by_hand) == _rows(home)
    assert _report(by_hand) == _report(home)


def test_checks_see_what_is_old_or_shrinking_also_when_no_sync_goes_well(
    home: Path, instance: dg.DagsterInstance, site: Site
) -> None:
    (request,) = _requests("catalogue_schedule", home, instance)
    _run("sync_catalogue_job", home, instance, request)
    assert _failing(home, instance) == set()

    site.listing = Behaviour("empty")
    failed = _run("sync_catalogue_job", home, instance, request)
    assert not failed.success
    (event,) = [e for e in failed.all_events if e.is_step_failure]
    told = event.step_failure_data.user_failure_data
    assert "the list is empty" in told.description
    assert "refused" in str(told.metadata["report"].value)
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=3)
    with (
        Context.open(Settings(home=home)) as trackflow_context,
        trackflow_context.store.write() as connection,
    ):
        done = catalogue_syncs.c.outcome == "completed"
        connection.execute(sa.update(catalogue_syncs).where(done).values(finished_at=old))
    assert _failing(home, instance) == {"catalogue_is_fresh"}

    site.listing = Behaviour()
    site.tracks = site.tracks[: COUNT // 2]
    for _ in range(2):
        with Context.open(Settings(home=home, **settings_for(site))) as trackflow_context:
            asked = {"source": "liverc", "approve": True}
            run_job(trackflow_context, queue_job(trackflow_context, "catalogue_sync", asked).job_id)
    assert _failing(home, instance) == {"catalogue_has_not_shrunk"}


def test_visits_are_found_when_there_is_something_new(
    home: Path, instance: dg.DagsterInstance
) -> None:
    from trackflow.usecases.days import run as pipeline
    from trackflow_tests.helpers.stores import batch_of_device, deliver
    from trackflow_tests.usecases.places.test_visits import DEVICE, VENUE, add_place, history

    with Context.open(Settings(home=home, engine_url="none", workers=1)) as trackflow_context:
        add_place(trackflow_context, "venue", *VENUE)
        deliver(trackflow_context.store, batch_of_device(DEVICE, history()))
        pipeline.run(trackflow_context)
    assert isinstance(_tick("visits_schedule", home, instance), dg.RunRequest)
    done = _run("find_visits_job", home, instance)
    (made,) = done.asset_materializations_for_node("track_visits")
    assert made.metadata["visits_changed"].value == 3
    assert made.metadata["dagster/row_count"].value == 3
    assert isinstance(_tick("visits_schedule", home, instance), dg.SkipReason)


def _tick(name: str, home: Path, instance: dg.DagsterInstance) -> object:
    context = dg.build_schedule_context(
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
        scheduled_execution_time=dt.datetime(2026, 3, 2, 3, 40, tzinfo=dt.UTC),
    )
    return defs.get_repository_def().get_schedule_def(name)(context)


def _requests(name: str, home: Path, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    found = _tick(name, home, instance)
    assert isinstance(found, list), found
    return found


def _run(
    name: str, home: Path, instance: dg.DagsterInstance, request: dg.RunRequest | None = None
) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(name).execute_in_process(
        run_config=request.run_config if request else None,
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
        raise_on_error=False,
    )


def _failing(home: Path, instance: dg.DagsterInstance) -> set[str]:
    done = _run("check_catalogue_job", home, instance)
    return {check.check_name for check in done.get_asset_check_evaluations() if not check.passed}


def _rows(home: Path) -> list[dict[str, object]]:
    times = {"created_at", "updated_at"}
    with (
        Context.open(Settings(home=home)) as trackflow_context,
        trackflow_context.store.read() as connection,
    ):
        query = sa.select(catalogue_tracks).order_by(catalogue_tracks.c.slug)
        rows = connection.execute(query).mappings()
        return [{k: v for k, v in row.items() if k not in times} for row in rows]


def _report(home: Path) -> dict[str, object]:
    differ = {"sync_id", "started_at", "finished_at", "stages", "slowest"}
    with Context.open(Settings(home=home)) as trackflow_context:
        (report,) = last_reports(trackflow_context, "liverc", 2)
    return {k: v for k, v in report.as_dict().items() if k not in differ}
