"""Tiles of long times equal those of a store that made the same tracks from the beginning."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.time import EARLIEST, LATEST
from trackflow.store.days import overviews
from trackflow.store.tables import track_overviews
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.track_tiles import TileContent, TileSelection, TrackTiles
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context
from trackflow_tests.helpers.tiles import tile_at

ALL = TileSelection(None, TimeRange(EARLIEST, LATEST))
ZOOMS = (0, 6, 10, 12, 13, 14)


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path) as opened:
        yield opened


def send(context: Context, device_id: str, hours: float, *, lat: float = 60.17) -> None:
    path = drive(NOON + dt.timedelta(hours=hours), 60, lat=lat)
    deliver(context.store, batch_of_device(device_id, path), now=NOON)


def tiles_of(context: Context, selection: TileSelection = ALL) -> list[bytes]:
    made = TrackTiles(context)
    return [
        made.tile(selection, zoom, *tile_at(zoom, 24.945, 60.17), content)
        for zoom in ZOOMS
        for content in TileContent
    ]


def tiles_from_scratch(context: Context) -> list[bytes]:
    with context.store.write() as connection:
        connection.execute(sa.delete(track_overviews))
        overviews.fill_missing(connection)
    return tiles_of(context)


def test_whatever_happened_tiles_are_those_of_the_tracks(context: Context) -> None:
    empty = tiles_of(context)
    send(context, "a", 0)
    send(context, "b", 1, lat=60.172)
    run(context)
    first = tiles_of(context)
    assert first != empty == [b""] * len(empty)
    assert first == tiles_from_scratch(context)

    send(context, "a", -0.2)  # late: the track begins earlier
    run(context)
    later = tiles_of(context)
    assert later != first
    assert later == tiles_from_scratch(context)
    assert verify(context).ok

    purge(context, "a")
    purge(context, "b")
    assert tiles_of(context) == empty


def test_the_version_changes_with_the_tracks_alone(context: Context) -> None:
    tiles = TrackTiles(context)
    assert tiles.extent(ALL).bbox is None
    send(context, "a", 0)
    run(context)
    one = tiles.extent(ALL)
    assert one.tracks == 1
    assert one.bbox is not None
    assert one.bbox.west <= 24.94 < one.bbox.east
    run(context)
    assert tiles.extent(ALL) == one
    send(context, "a", 0.5, lat=60.18)
    run(context)
    assert tiles.extent(ALL).version != one.version


def test_tiles_have_the_devices_and_the_time_that_are_asked_for(context: Context) -> None:
    send(context, "a", 0)
    run(context)
    alone = tiles_of(context)
    send(context, "b", 30)
    run(context)
    assert tiles_of(context) != alone
    assert tiles_of(context, TileSelection(("a",), ALL.when)) == alone
    day = TimeRange(NOON - dt.timedelta(hours=1), NOON + dt.timedelta(hours=5))
    assert tiles_of(context, TileSelection(None, day)) == alone


def test_a_reading_is_used_again_only_under_its_version(context: Context) -> None:
    tiles = TrackTiles(context)
    send(context, "a", 0)
    run(context)
    place = (6, *tile_at(6, 24.945, 60.17))
    before = tiles.tile(ALL, *place, TileContent.DEVICE, tiles.extent(ALL).version)
    send(context, "b", 30)
    run(context)
    after = tiles.tile(ALL, *place, TileContent.DEVICE, tiles.extent(ALL).version)
    assert after != before
    assert after == tiles.tile(ALL, *place, TileContent.DEVICE)
