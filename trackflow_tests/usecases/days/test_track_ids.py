"""An id that a track had once leads to it for good, or says what became of the movement."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import event, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import GoneError, NotFoundError
from trackflow.geo.points import Points
from trackflow.store.devices.settings import change_device
from trackflow.store.tables import track_aliases, tracks
from trackflow.usecases.categories.deciding import decide_track
from trackflow.usecases.categories.track_rules import read_trip
from trackflow.usecases.days.naming import name_track
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.housekeeping.archive import backup
from trackflow.usecases.housekeeping.restoring import restore
from trackflow.usecases.housekeeping.retention import apply_retention
from trackflow.usecases.meshes.track_choice import TrackChoice, chosen_lines
from trackflow.usecases.queries.track_points import read_profile
from trackflow.usecases.queries.tracks import read_track
from trackflow_tests.helpers.histories import histories
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of,
    batch_of_device,
    deliver,
    drive,
    empty,
    open_context,
    part_of,
)
from trackflow_tests.usecases.days.test_exactness import (
    EXAMPLES,
    Fleet,
    configure,
    deliveries,
    everything,
    plans,
    relaxed,
    small,
)

type Published = dict[uuid.UUID, Any]
"""Every id that was ever published, with the row that had it last."""


def published(context: Context) -> Published:
    with context.store.read() as connection:
        return {row.track_id: row for row in connection.execute(sa.select(tracks))}


USES: tuple[Callable[[Context, uuid.UUID], Any], ...] = (
    read_track,
    read_profile,
    read_trip,
    partial(decide_track, by="anna", purpose="Lyon"),
    partial(name_track, name="Lyon", note=None, decided_by="anna"),
    lambda context, track_id: chosen_lines(context, TrackChoice((track_id,))),
)
"""All that is done with a track by its id."""


def asked(context: Context, track_id: uuid.UUID) -> uuid.UUID | str:
    """The id that it leads to, or what became of it."""
    try:
        return read_track(context, track_id).track.track_id
    except GoneError as error:
        return str(error)


def check_ids(context: Context, ever: Published) -> None:
    now = published(context)
    for track_id, last in ever.items():
        found = asked(context, track_id)
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
    with open_context(database_url, tmp_path, clock) as context:

        @settings(relaxed, max_examples=EXAMPLES[context.store.engine.dialect.name])
        @given(history=histories().filter(small), plan=plans(), dwell_s=st.sampled_from([60, 1800]))
        def check(history: Any, plan: Any, dwell_s: int) -> None:
            empty(context.store)
            ever: Published = {}
            found = Fleet([history])
            whole = everything(found)
            deliver(context.store, part_of(whole, np.array([0])))
            for step, part in enumerate(deliveries(whole, plan)):
                deliver(context.store, part)
                if step == plan.configured:
                    configure(context, found)
                run(context)
                ever |= published(context)
                check_ids(context, ever)
            with context.store.write() as connection:  # other stops: merged, split and shortened
                change_device(connection, "van-0", clock(), overrides={"dwell_s": dwell_s})
            run(context)
            check_ids(context, ever | published(context))

        check()


def test_a_movement_that_turns_out_to_be_none_is_gone_and_says_why(
    database_url: str, tmp_path: Path
) -> None:
    """As it was reported first it moved; a more accurate point for each moment stands still."""
    moved = drive(NOON, 60)
    still = batch_of([("a", time, 24.94, 60.17, np.nan, 3.0) for time in moved.time_us.tolist()])
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", moved))
        run(context)
        (track_id,) = published(context)
        deliver(context.store, still)
        run(context)
        assert published(context) == {}
        told = asked(context, track_id)
        assert isinstance(told, str)
        assert "no track any more: its first point is stop" in told
        for use in USES:
            with pytest.raises(GoneError, match="its first point is stop"):
                use(context, track_id)
            with pytest.raises(NotFoundError, match="trackflow tracks") as unknown:
                use(context, uuid.uuid4())
            assert not isinstance(unknown.value, GoneError)

        # and it is back when the device moves again
        better = moved.accuracy_m.copy()
        better[:] = 1.0
        again = Points.of(moved.time_us, moved.lon, moved.lat, better)
        deliver(context.store, batch_of_device("a", again))
        run(context)
        assert asked(context, track_id) == track_id


@pytest.mark.parametrize("keep_tracks", [False, True])
def test_retention_keeps_the_id_and_neither_time_nor_place(
    database_url: str, tmp_path: Path, *, keep_tracks: bool
) -> None:
    clock = Clock(NOON)
    trips = [drive(NOON + dt.timedelta(days=k), 60) for k in range(8)]
    with open_context(
        database_url, tmp_path, clock, retention_days=3, keep_tracks=keep_tracks
    ) as context:
        late = drive(NOON - dt.timedelta(minutes=5), 30)
        deliver(context.store, batch_of_device("a", Points.concat(trips)))
        run(context)
        ever = published(context)
        deliver(context.store, batch_of_device("a", late))
        run(context)
        first = min(ever, key=lambda track_id: ever[track_id].start_time)
        assert first not in published(context)
        for use in USES:
            use(context, first)
        ever |= published(context)
        clock.time = NOON + dt.timedelta(days=8)
        apply_retention(context, approve=clock.time.date() - dt.timedelta(days=3))
        left = published(context)
        assert len(left) == (8 if keep_tracks else 5)
        for track_id in ever:
            found = asked(context, track_id)
            if track_id in left:
                assert found == track_id
            elif keep_tracks:
                assert isinstance(found, uuid.UUID)
            else:
                assert isinstance(found, str)
                assert "older than what is kept" in found
        with context.store.read() as connection:
            rows = connection.execute(sa.select(track_aliases)).all()
        assert all((row.start_time is None) != keep_tracks for row in rows)

        backup(context, tmp_path / "b.zip")
        with open_context("", tmp_path / "other", clock) as other:
            restore(other, tmp_path / "b.zip")
            assert {i: asked(other, i) for i in ever} == {i: asked(context, i) for i in ever}

        purge(context, "a")
        for track_id in ever:
            with pytest.raises(NotFoundError) as gone:
                read_track(context, track_id)
            assert not isinstance(gone.value, GoneError), "nothing of a purged device is left"


def test_points_that_come_once_more_bring_a_deleted_track_back(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock(NOON)
    trips = batch_of_device(
        "a", Points.concat([drive(NOON + dt.timedelta(days=k), 60) for k in range(8)])
    )
    with open_context(database_url, tmp_path, clock, retention_days=3) as context:
        deliver(context.store, trips)
        run(context)
        ever = published(context)
        clock.time = NOON + dt.timedelta(days=8)
        apply_retention(context)
        off = Context(replace(context.settings, retention_days=0), context.store, clock)
        apply_retention(off)
        deliver(off.store, trips)
        run(off)
        assert {asked(off, track_id) for track_id in ever} == set(ever)
