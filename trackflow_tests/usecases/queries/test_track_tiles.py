"""Tiles of long times equal those of a store that made the same tracks from the beginning."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.geo.time import EARLIEST, LATEST, ONE_DAY
from trackflow.store.days import overviews
from trackflow.store.tables import track_overviews
from trackflow.usecases.categories.correcting import correct_mode
from trackflow.usecases.categories.deciding import DecisionRequest, decide
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.track_tiles import (
    TileContent,
    TileSelection,
    TracksExtent,
    TrackTiles,
)
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.helpers.tiles import tile_at
from trackflow_tests.usecases.days.test_exactness import (
    Fleet,
    Plan,
    at_once,
    configure,
    everything,
    fleets,
    hide,
    name_of,
    piecemeal,
    plans,
    relaxed,
)

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


def tiles_near(context: Context, found: Fleet) -> tuple[list[bytes], TracksExtent]:
    """Tiles where histories begin, and the version of all."""
    made = TrackTiles(context)
    tiles = []
    for history in found:
        lon, lat = history.points.lon[0], min(max(history.points.lat[0], -85.0), 85.0)
        for zoom in ZOOMS:
            place = tile_at(zoom, lon, lat)
            tiles += [
                made.tile(ALL, zoom, *place, c) for c in (TileContent.DEVICE, TileContent.OFTEN)
            ]
    return tiles, made.extent(ALL)


@pytest.mark.slow
def test_any_history_of_a_store_gives_the_tiles_of_one_pass(
    database_url: str, tmp_path: Path
) -> None:
    """Late points, points hidden and restored, days made again, devices purged and sent anew."""
    clock = Clock()
    with open_context(database_url, tmp_path, clock) as context:

        @settings(relaxed, max_examples=2 if context.store.is_postgresql else 8)
        @given(found=fleets, plan=plans(), is_purged=st.booleans())
        def check(found: Fleet, plan: Plan, is_purged: bool) -> None:
            at_once(context, found, plan)
            expected = tiles_near(context, found)
            piecemeal(context, clock, found, plan)
            deliver(context.store, batch_of_device("another", found[0].points))
            run(context)
            purge(context, "another")
            if is_purged:
                purge(context, name_of(0))
                deliver(context.store, everything(found))
                configure(context, found)
                for one in plan.hidden:
                    if one.restored is None:
                        hide(context, found, one)
                run(context)
            assert tiles_near(context, found) == expected

        check()


def test_the_version_follows_what_colours_tell(context: Context) -> None:
    """Tiles are kept for an hour by their version."""
    tiles = TrackTiles(context)
    send(context, "a", 0)
    run(context)

    def versions() -> dict[TileContent, str]:
        return {content: tiles.extent(ALL, content).version for content in TileContent}

    made = versions()
    follow_tracks(context)
    followed = versions()
    correct_mode(context, "a", NOON, NOON + ONE_DAY, Mode.CYCLING, decided_by="anna")
    corrected = versions()
    context.clock = Clock(context.clock() + ONE_DAY)
    decide(context, DecisionRequest("a", NOON, NOON + ONE_DAY, "mine"), "anna")
    follow_tracks(context)
    decided = versions()
    assert made[TileContent.MODE] != followed[TileContent.MODE] != corrected[TileContent.MODE]
    assert corrected[TileContent.CATEGORY] != decided[TileContent.CATEGORY]
    assert decided[TileContent.MODE] == corrected[TileContent.MODE]
    assert decided[TileContent.DEVICE] == decided[TileContent.OFTEN] == made[TileContent.DEVICE]


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
