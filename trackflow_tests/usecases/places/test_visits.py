"""Visits in the store: the same however the work is cut up, whole, and no longer than allowed."""

import datetime as dt
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.exports.writing import ExportFormat, ExportSubject, RowFilter, export_to_file
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.store.catalogue.tables import catalogue_tracks
from trackflow.usecases.days import run as pipeline
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.housekeeping.retention import apply_retention
from trackflow.usecases.places.visits import days_due, update_visits
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    drive,
    empty,
    open_context,
)

VENUE = (24.94, 60.17)
DEVICE = "van-7"


def add_place(context: Context, slug: str, lon: float, lat: float) -> None:
    with context.store.write() as connection:
        connection.execute(
            sa.insert(catalogue_tracks).values(
                source="file", slug=slug, name=slug.title(), longitude=lon, latitude=lat,
                created_at=NOON, updated_at=NOON,
            )
        )  # fmt: skip


def stay(start: dt.datetime, minutes: int) -> Points:
    """A device that stands at the venue and reports once a minute."""
    time_us = to_us(start) + np.arange(minutes) * 60_000_000
    wobble = np.arange(minutes) % 3 * 1e-5
    return Points.of(time_us, VENUE[0] + wobble, np.full(minutes, VENUE[1]))


def history() -> Points:
    """Three visits in five days: over midnight, with a small move, and one that still lasts."""
    parts = []
    for day, hour, minutes in ((0, 22, 300), (2, 9, 40), (4, 18, 90)):
        start = NOON.replace(hour=0) + dt.timedelta(days=day, hours=hour)
        come = drive(start - dt.timedelta(seconds=1200), 120, lon=VENUE[0] - 120 * 2e-4)
        parts += [come, stay(start, minutes)]
        if day == 2:
            again = start + dt.timedelta(minutes=minutes)
            parts += [drive(again, 12, lon=VENUE[0]), stay(again + dt.timedelta(minutes=2), 40)]
        if day != 4:
            gone = start + dt.timedelta(minutes=minutes + (42 if day == 2 else 0))
            parts.append(drive(gone, 120, lon=VENUE[0]))
    return Points.concat(parts)


def visits_of(context: Context) -> list[tuple[str, dt.datetime, dt.datetime]]:
    rows = contents(context.store, "catalogue_visits")["catalogue_visits"]
    return [(row["slug"], row["start_time"], row["end_time"]) for row in rows]


def test_any_chunks_in_any_order_give_the_visits_of_one_pass(
    database_url: str, tmp_path: Path
) -> None:
    points = history()
    with open_context(database_url, tmp_path) as context:
        add_place(context, "venue", *VENUE)
        add_place(context, "elsewhere", 25.5, 60.5)
        deliver(context.store, batch_of_device(DEVICE, points))
        pipeline.run(context)
        update_visits(context)
        whole = visits_of(context)
        assert [(slug, end - start > dt.timedelta(minutes=75)) for slug, start, end in whole] == [
            ("venue", True)
        ] * 3
        assert whole[0][2] - whole[0][1] > dt.timedelta(hours=5)
        assert update_visits(context).device_days == 0
        assert days_due(context) == 0

        empty(context.store)
        add_place(context, "venue", *VENUE)
        random = np.random.default_rng(7)
        piece = random.integers(0, 3, len(points))
        for k in random.permutation(3):
            deliver(context.store, batch_of_device(DEVICE, points[piece == k]))
            pipeline.run(context)
            update_visits(context, most_days=1)
        assert visits_of(context) == whole


def test_a_place_that_moves_or_appears_is_looked_at_again(tmp_path: Path) -> None:
    with open_context(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as context:
        deliver(context.store, batch_of_device(DEVICE, history()))
        pipeline.run(context)
        assert update_visits(context).device_days == 0  # no place, no work
        add_place(context, "venue", *VENUE)
        assert days_due(context) > 0
        update_visits(context)
        assert len(visits_of(context)) == 3
        with context.store.write() as connection:
            connection.execute(sa.update(catalogue_tracks).values(longitude=20.0))
        update_visits(context)
        assert visits_of(context) == []


def test_retention_and_purging_take_visits_along(tmp_path: Path) -> None:
    clock = Clock(NOON + dt.timedelta(days=9))
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with open_context(url, tmp_path, clock, retention_days=6) as context:
        add_place(context, "venue", *VENUE)
        deliver(context.store, batch_of_device(DEVICE, history()))
        pipeline.run(context)
        update_visits(context)
        apply_retention(context, approve=clock.time.date() - dt.timedelta(days=6))
        update_visits(context)
        assert len(visits_of(context)) == 2
        purge(context, DEVICE)
        assert visits_of(context) == []


def test_visits_are_exported_in_every_format(tmp_path: Path) -> None:
    with open_context(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as context:
        add_place(context, "venue", *VENUE)
        deliver(context.store, batch_of_device(DEVICE, history()))
        pipeline.run(context)
        update_visits(context)
        for file_format in ExportFormat:
            path = tmp_path / f"visits.{file_format}"
            assert (
                export_to_file(context, ExportSubject.VISITS, file_format, RowFilter(), path) == 3
            )
            assert b"Venue" in path.read_bytes()
        some = RowFilter(last=NOON + dt.timedelta(days=1), device_ids=(DEVICE,))
        path = tmp_path / "one.csv"
        assert export_to_file(context, ExportSubject.VISITS, ExportFormat.CSV, some, path) == 1
        assert path.read_text().splitlines()[1].startswith("van-7,file,venue,Venue,2026-03-02T21:5")
