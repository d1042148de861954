"""Undo: the catalogue is again what it was, to the microsecond, or nothing happens."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.store.catalogue import change_log, syncs
from trackflow.store.catalogue.tables import catalogue_tracks
from trackflow.store.jobs.jobs import Job
from trackflow.usecases.catalogue.report import read_report
from trackflow.usecases.catalogue.undo import last_to_undo, undo
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow_tests.helpers.catalogues import catalogue_of, rows, synced, tracks
from trackflow_tests.helpers.liverc_pages import made_up_tracks
from trackflow_tests.helpers.liverc_site import Behaviour, Site, site_with
from trackflow_tests.helpers.stores import Clock

COUNT = 21


@pytest.fixture
def site() -> Iterator[Site]:
    with site_with(COUNT) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(site: Site, database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with catalogue_of(site, database_url, tmp_path, clock) as opened:
        yield opened


def change_everything(site: Site, turn: int) -> None:
    """One track goes, one comes, one changes, one that went comes back."""
    site.tracks = [track for track in site.tracks if track.slug != f"track{turn}"]
    fresh = made_up_tracks(100 + turn, seed=2)[-1]
    fresh.slug = f"fresh{turn}"
    site.tracks.append(fresh)
    site.tracks[turn + 8].stats = {"Laps": 100 + turn}
    if turn == 3:
        site.tracks.insert(0, made_up_tracks(1)[0])


def test_undone_one_after_the_other_every_state_comes_back(
    context: Context, site: Site, clock: Clock
) -> None:
    states: list[list[dict[str, Any]]] = [rows(context)]
    syncs: list[str] = []
    kinds: set[str] = set()
    for turn in range(4):
        report = synced(context)
        syncs.append(report.sync_id)
        states.append(rows(context))
        kinds |= {name for name, slugs in report.slugs.items() if slugs}
        change_everything(site, turn)
        clock.advance(86_400)
    report = synced(context)
    assert kinds | {name for name, slugs in report.slugs.items() if slugs} == {
        "added", "deactivated", "missed_once", "reactivated",
    }  # fmt: skip
    undo(context, uuid.UUID(report.sync_id))
    assert rows(context) == states.pop()
    for sync_id in reversed(syncs):
        assert str(last_to_undo(context, "liverc")) == sync_id
        assert undo(context, uuid.UUID(sync_id)) > 0
        assert rows(context) == states.pop()
        assert read_report(context, uuid.UUID(sync_id)).undone_at == clock()
    assert rows(context) == []
    with pytest.raises(NotFoundError, match="no sync of liverc"):
        last_to_undo(context, "liverc")
    assert synced(context).added == len(site.tracks)
    assert tracks(context) == site.expected()


def test_a_sync_is_not_undone_under_later_ones_that_changed_the_same(
    context: Context, site: Site, clock: Clock
) -> None:
    first = synced(context)
    site.tracks[3].name = "Renamed"
    clock.advance(60)
    second = synced(context)
    site.tracks[5].name = "Renamed as well"
    clock.advance(60)
    third = synced(context)
    before = rows(context)
    with pytest.raises(BadInputError, match=f"undo these first: {third.sync_id}, {second.sync_id}"):
        undo(context, uuid.UUID(first.sync_id))
    assert rows(context) == before
    assert undo(context, uuid.UUID(second.sync_id)) == 1, "the third changed another track"
    changed = {row["slug"] for row, old in zip(rows(context), before, strict=True) if row != old}
    assert changed == {"track3"}


def test_a_sync_that_is_at_work_meanwhile_goes_by_what_there_is_at_its_end(
    context: Context, site: Site
) -> None:
    first = synced(context)
    del site.tracks[4]
    job = queue_job(context, "catalogue_sync", {})
    undone: list[int] = []

    def told(now: Job) -> None:
        if now.completed and not undone:
            undone.append(undo(context, uuid.UUID(first.sync_id)))

    run_job(context, job.job_id, on_change=told)
    report = read_report(context, job.job_id)
    assert undone == [COUNT]
    assert (report.added, report.missed_once, report.active_before) == (COUNT - 1, 0, 0)
    assert tracks(context) == site.expected()


def test_only_the_last_syncs_can_be_undone(
    context: Context, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncs, "UNDOABLE", 2)
    site.tracks = site.tracks[:3]
    reports = []
    for turn in range(3):
        site.tracks[turn].name = f"Renamed {turn}"
        reports.append(synced(context))
        clock.advance(60)
    for report in reversed(reports[1:]):
        undo(context, uuid.UUID(report.sync_id))
    with pytest.raises(BadInputError, match="too long ago: only the last 2"):
        undo(context, uuid.UUID(reports[0].sync_id))
    with context.store.read() as connection:
        assert change_log.read_changes(connection, uuid.UUID(reports[0].sync_id)) == []


def test_what_cannot_be_undone_is_said_and_left(context: Context, site: Site) -> None:
    first = synced(context)
    site.listing = Behaviour("empty")
    refused = synced(context)
    before = rows(context)
    with pytest.raises(BadInputError, match="nothing to undo"):
        undo(context, uuid.UUID(refused.sync_id))
    with pytest.raises(NotFoundError, match="there is no sync"):
        undo(context, uuid.uuid4())
    with context.store.write() as connection:
        mine = catalogue_tracks.c.slug == "track1"
        connection.execute(sa.update(catalogue_tracks).where(mine).values(name="by hand"))
    with pytest.raises(BadInputError, match="by other means since, such as track1"):
        undo(context, uuid.UUID(first.sync_id))
    with context.store.write() as connection:
        name = next(row["name"] for row in before if row["slug"] == "track1")
        connection.execute(sa.update(catalogue_tracks).where(mine).values(name=name))
    assert undo(context, uuid.UUID(first.sync_id)) == COUNT
    with pytest.raises(BadInputError, match="was undone before"):
        undo(context, uuid.UUID(first.sync_id))
    assert rows(context) == []
