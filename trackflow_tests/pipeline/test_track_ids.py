"""An id that a track had once leads to it for good, or says what became of the movement."""

import datetime as dt
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import event, given, settings
from hypothesis import strategies as st

from trackflow.errors import GoneError, NotFoundError
from trackflow.geo.points import Points
from trackflow.pipeline.archive import backup
from trackflow.pipeline.purging import purge
from trackflow.pipeline.reading_tracks import read_track
from trackflow.pipeline.restoring import restore
from trackflow.pipeline.retention import apply_retention
from trackflow.pipeline.run import run
from trackflow.pipeline.work import Work
from trackflow.store.devices import change_device
from trackflow.store.tables import track_aliases, tracks
from trackflow_tests.pipeline.test_exactness import (
    EXAMPLES,
    Fleet,
    configure,
    deliveries,
    everything,
    plans,
    relaxed,
    small,
)
from trackflow_tests.stores import (
    NOON,
    Clock,
    batch_of,
    batch_of_device,
    deliver,
    drive,
    empty,
    open_work,
    part_of,
)
from trackflow_tests.tracks.histories import histories

type Published = dict[uuid.UUID, Any]
"""Every id that was ever published, with the row that had it last."""


def published(work: Work) -> Published:
    with work.store.read() as connection:
        return {row.track_id: row for row in connection.execute(sa.select(tracks))}


def asked(work: Work, track_id: uuid.UUID) -> uuid.UUID | str:
    """The id that it leads to, or what became of it."""
    try:
        return uuid.UUID(read_track(work, track_id)["id"])
    except GoneError as error:
        return str(error)


def check_ids(work: Work, ever: Published) -> None:
    now = published(work)
    for track_id, last in ever.items():
        found = asked(work, track_id)
        mine = [row for row in now.values() if row.device_id == last.device_id]
        over = [
            row for row in mine
            if row.start_time <= last.end_time and row.end_time >= last.start_time
        ]  # fmt: skip
        covering = [row for row in over if row.start_time <= last.start_time]
        if track_id in now:
            assert found == track_id
        elif covering:
            event("it leads to what covers its beginning")
            assert [found] == [row.track_id for row in covering]
        elif over:
            event("it leads to what covers a part of it")
            assert found == min(over, key=lambda row: row.start_time).track_id
        else:
            event("it says what became of it")
            assert isinstance(found, str)
            assert "no track any more: " in found
            assert "60." not in found, "never where"


@pytest.mark.slow
def test_whatever_comes_in_every_id_leads_somewhere(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    with open_work(database_url, tmp_path, clock) as work:

        @settings(relaxed, max_examples=EXAMPLES[work.store.engine.dialect.name])
        @given(history=histories().filter(small), plan=plans(), dwell_s=st.sampled_from([60, 1800]))
        def check(history: Any, plan: Any, dwell_s: int) -> None:
            empty(work.store)
            ever: Published = {}
            found = Fleet([history])
            whole = everything(found)
            deliver(work.store, part_of(whole, np.array([0])))
            for step, part in enumerate(deliveries(whole, plan)):
                deliver(work.store, part)
                if step == plan.configured:
                    configure(work, found)
                run(work)
                ever |= published(work)
                check_ids(work, ever)
            with work.store.write() as connection:  # other stops: merged, split and shortened
                change_device(connection, "van-0", clock(), overrides={"dwell_s": dwell_s})
            run(work)
            check_ids(work, ever | published(work))

        check()


def test_a_movement_that_turns_out_to_be_none_is_gone_and_says_why(
    database_url: str, tmp_path: Path
) -> None:
    """As it was reported first it moved; a more accurate point for each moment stands still."""
    moved = drive(NOON, 60)
    still = batch_of([("a", time, 24.94, 60.17, np.nan, 3.0) for time in moved.time_us.tolist()])
    with open_work(database_url, tmp_path) as work:
        deliver(work.store, batch_of_device("a", moved))
        run(work)
        (track_id,) = published(work)
        deliver(work.store, still)
        run(work)
        assert published(work) == {}
        told = asked(work, track_id)
        assert isinstance(told, str)
        assert "no track any more: its first point is stop" in told
        with pytest.raises(NotFoundError) as unknown:
            read_track(work, uuid.uuid4())
        assert not isinstance(unknown.value, GoneError)

        # and it is back when the device moves again
        better = moved.accuracy_m.copy()
        better[:] = 1.0
        again = Points.of(moved.time_us, moved.lon, moved.lat, better)
        deliver(work.store, batch_of_device("a", again))
        run(work)
        assert asked(work, track_id) == track_id


@pytest.mark.parametrize("keep_tracks", [False, True])
def test_retention_keeps_the_id_and_neither_time_nor_place(
    database_url: str, tmp_path: Path, *, keep_tracks: bool
) -> None:
    clock = Clock(NOON)
    trips = [drive(NOON + dt.timedelta(days=k), 60) for k in range(8)]
    with open_work(
        database_url, tmp_path, clock, retention_days=3, keep_tracks=keep_tracks
    ) as work:
        late = drive(NOON - dt.timedelta(minutes=5), 30)
        deliver(work.store, batch_of_device("a", Points.concat(trips)))
        run(work)
        ever = published(work)
        deliver(work.store, batch_of_device("a", late))
        run(work)
        first = min(ever, key=lambda track_id: ever[track_id].start_time)
        assert first not in published(work)
        ever |= published(work)
        clock.time = NOON + dt.timedelta(days=8)
        apply_retention(work, approve=clock.time.date() - dt.timedelta(days=3))
        left = published(work)
        assert len(left) == (8 if keep_tracks else 5)
        for track_id in ever:
            found = asked(work, track_id)
            if track_id in left:
                assert found == track_id
            elif keep_tracks:
                assert isinstance(found, uuid.UUID)
            else:
                assert isinstance(found, str)
                assert "older than what is kept" in found
        with work.store.read() as connection:
            rows = connection.execute(sa.select(track_aliases)).all()
        assert all((row.start_time is None) != keep_tracks for row in rows)

        backup(work, tmp_path / "b.zip")
        with open_work("", tmp_path / "other", clock) as other:
            restore(other, tmp_path / "b.zip")
            assert {i: asked(other, i) for i in ever} == {i: asked(work, i) for i in ever}

        purge(work, "a")
        for track_id in ever:
            with pytest.raises(NotFoundError) as gone:
                read_track(work, track_id)
            assert not isinstance(gone.value, GoneError), "nothing of a purged device is left"


def test_points_that_come_once_more_bring_a_deleted_track_back(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock(NOON)
    trips = batch_of_device(
        "a", Points.concat([drive(NOON + dt.timedelta(days=k), 60) for k in range(8)])
    )
    with open_work(database_url, tmp_path, clock, retention_days=3) as work:
        deliver(work.store, trips)
        run(work)
        ever = published(work)
        clock.time = NOON + dt.timedelta(days=8)
        apply_retention(work)
        off = Work(replace(work.settings, retention_days=0), work.store, clock)
        apply_retention(off)
        deliver(off.store, trips)
        run(off)
        assert {asked(off, track_id) for track_id in ever} == set(ever)
