"""Several networks per profile: whatever comes and goes in whatever order, one pass gives the same.

The networks are the whole of central Helsinki, its western half and its eastern half: whoever
drives from one half into the other crosses a border.
"""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trackflow.categories.mode_map import build_mode_map
from trackflow.context import Context, Roads, mode_map_folder
from trackflow.demo.extract import helsinki_extract
from trackflow.errors import NotFoundError
from trackflow.geo.bbox import Bbox
from trackflow.geo.distance import step_m
from trackflow.geo.points import Bools, Floats, Points
from trackflow.geo.time import to_us
from trackflow.matching.coverage import Coverage
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.network_building import build_network, read_coverage
from trackflow.matching.networks import RoadNetwork
from trackflow.store.roads import networks
from trackflow.store.tables import cached_polylines, processing_batches
from trackflow.usecases.categories import legs
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import RunReport, run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.roads.networks import list_networks, remove
from trackflow_tests.helpers.drives import a_tour, driven
from trackflow_tests.helpers.extracts import cut_out
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    difference,
    empty,
    open_context,
    part_of,
    statuses,
)

MIDDLE = 24.9445
LAST_START = dt.datetime.combine(NOON.date(), dt.time(23, 56), dt.UTC)
RESULTS = ("segments", "cached_polylines", "tracks")


@dataclass(frozen=True)
class Border:
    """Networks that overlap, and a drive over the border between them.

    Attributes:
        data: data sets by name, with what they cover.
        drive: from the west to the east and back, over midnight.
        local: one that never leaves the west.
    """

    data: dict[str, tuple[RoadNetwork, Coverage]]
    drive: Points
    local: Points

    def use(self, context: Context, name: str, data: str) -> bool:
        """Use a data set as the network of a name."""
        network, coverage = self.data[data]
        named = replace(network, source_name=f"{name}.osm.pbf")
        with context.store.write() as connection:
            return networks.use_network(
                connection, named, context.settings.home, context.clock(), coverage
            )

    def deliver(self, context: Context, part: slice = slice(None)) -> None:
        """Let points come in."""
        for device, drive in (("abroad", self.drive), ("home", self.local)):
            batch = batch_of_device(device, drive)
            deliver(context.store, part_of(batch, np.arange(len(drive))[part]))


@pytest.fixture(scope="session")
def border(helsinki_network: RoadNetwork, tmp_path_factory: pytest.TempPathFactory) -> Border:
    base = tmp_path_factory.getbasetemp()
    into = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "networks"
    folder = tmp_path_factory.mktemp("halves")
    west, south, east, north = helsinki_network.bbox
    halves = {"west": Bbox(west, south, MIDDLE, north), "east": Bbox(MIDDLE, south, east, north)}
    data = {"all": helsinki_network}
    for name, box in halves.items():
        part = cut_out(helsinki_extract(), box, folder / f"{name}.osm.pbf")
        data[name] = build_network(part, "car", into)
    engine = EmbeddedEngine(
        helsinki_network.dataset, helsinki_network.profile, helsinki_network.version
    )
    lon, lat = a_tour(engine)
    engine.close()
    west_only = _trips(lon, lat, lon < MIDDLE - 0.003)
    east_only = _trips(lon, lat, lon > MIDDLE + 0.004)
    return Border(
        {k: (v, read_coverage(v)) for k, v in data.items()},
        _driven([*west_only, (lon[: len(lon) // 3], lat[: len(lon) // 3]), *east_only]),
        _driven(west_only),
    )


def _trips(lon: Floats, lat: Floats, inside: Bools) -> list[tuple[Floats, Floats]]:
    """The two longest stretches of a line that keep inside."""
    runs = np.split(np.arange(len(lon)), np.flatnonzero(np.diff(inside)) + 1)
    within = [run for run in runs if inside[run[0]] and len(run) > 1]
    within.sort(key=lambda run: step_m(lon[run], lat[run]).sum())
    return [(lon[run], lat[run]) for run in within[-2:]]


def _driven(trips: list[tuple[Floats, Floats]]) -> Points:
    """Trips with hours between them, so that no window sees two; the last one over midnight."""
    found = []
    for back, (lon, lat) in enumerate(reversed(trips)):
        start = LAST_START - back * dt.timedelta(hours=3)
        found.append(driven(lon, lat, every_s=15, speed_ms=2.5, start_us=to_us(start)))
    return Points.concat(found[::-1])


@dataclass(frozen=True)
class Store:
    """One database for all examples, and another one for the single pass."""

    context: Context
    other: Context


@pytest.fixture
def stores(database_url: str, tmp_path: Path) -> Iterator[Store]:
    with (
        open_context(database_url, tmp_path / "a", engine_url="") as context,
        open_context("", tmp_path / "b", engine_url="") as other,
    ):
        yield Store(context, other)


@pytest.fixture
def sqlite_stores(tmp_path: Path) -> Iterator[Store]:
    """The other tests try what is done here on PostgreSQL too."""
    with (
        open_context("", tmp_path / "a", engine_url="") as context,
        open_context("", tmp_path / "b", engine_url="") as other,
    ):
        yield Store(context, other)


def clear(context: Context) -> None:
    empty(context.store)
    with context.store.write() as connection:
        connection.execute(sa.delete(networks.road_networks))


def in_one_pass(border: Border, context: Context, used: dict[str, str]) -> dict[str, list[object]]:
    clear(context)
    for name, data in used.items():
        border.use(context, name, data)
    border.deliver(context)
    assert not run(context).problems
    return contents(context.store, *RESULTS)


type Key = tuple[str, dt.datetime]
"""Device and start of a window."""


def hashes(context: Context) -> dict[Key, str]:
    p = cached_polylines.c
    with context.store.read() as connection:
        rows = connection.execute(sa.select(p.device_id, p.start_time, p.input_hash)).all()
    return {(device, start): found for device, start, found in rows}


def assert_matched_anew(context: Context, report: RunReport, windows: set[Key]) -> None:
    """The engine was asked for the points of these windows and no others.

    The first window after midnight is matched for the day before as well.
    """
    p = cached_polylines.c
    with context.store.read() as connection:
        rows = connection.execute(
            sa.select(p.device_id, p.start_time, p.source_coordinates_count)
        ).all()
    asked = [(start, count) for device, start, count in rows if (device, start) in windows]
    once = sum(count for _, count in asked)
    again = sum(count for start, count in asked if start.hour == 0)
    assert once <= report["matched"].total("engine_points") <= once + again


NAMES = ("x", "y", "z")
STEPS = st.one_of(
    st.tuples(st.just("use"), st.sampled_from(NAMES), st.sampled_from(["all", "west", "east"])),
    st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("deliver"), st.just(""), st.sampled_from(["0", "1", "2"])),
    st.tuples(st.just("run"), st.just(""), st.just("")),
)


@pytest.mark.slow
@given(steps=st.lists(STEPS, min_size=4, max_size=12))
@settings(
    max_examples=8,
    phases=[Phase.generate],  # to shrink takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_networks_that_come_and_go_in_any_order_give_what_one_pass_gives(
    border: Border, sqlite_stores: Store, steps: list[tuple[str, str, str]]
) -> None:
    context, used = sqlite_stores.context, {}
    clear(context)
    for what, name, detail in steps:
        if what == "use":
            border.use(context, name, detail)
            used[name] = detail
        elif what == "remove" and name in used:
            with context.store.write() as connection:
                assert networks.remove_network(connection, "car", name, context.clock())
            del used[name]
        elif what == "deliver":
            border.deliver(context, slice(int(detail), None, 3))
        elif what == "run":
            run(context)
    if not used:
        border.use(context, "x", "east")
        used["x"] = "east"
    border.deliver(context)
    assert not run(context).problems
    assert set(statuses(context.store).values()) == {"completed"}
    found = contents(context.store, *RESULTS)
    assert difference(found, in_one_pass(border, sqlite_stores.other, used)) == []
    assert verify(context).ok


def test_a_traveller_has_both_networks_and_only_changed_windows_are_matched_again(
    border: Border, stores: Store
) -> None:
    context = stores.context
    border.deliver(context)
    border.use(context, "west", "west")
    assert not run(context).problems
    in_west = hashes(context)
    assert len(in_west) > 10
    raw = _raw_windows(context)
    assert raw, "the east is not known"

    border.use(context, "east", "east")
    report = run(context)
    with_both = hashes(context)
    changed = {key for key in in_west if in_west[key] != with_both[key]}
    assert {device for device, _ in changed} == {"abroad"}
    kept = in_west.keys() - changed
    assert {device for device, _ in kept} == {"abroad", "home"}, "those in the west"
    assert_matched_anew(context, report, changed)
    assert _raw_windows(context) < raw
    assert verify(context).ok
    assert {one.name: one.days for one in list_networks(context)} == {"west": 3, "east": 2}

    remove(context, "east")
    report = run(context)
    assert hashes(context) == in_west
    assert_matched_anew(context, report, changed)
    assert verify(context).ok


def _raw_windows(context: Context) -> int:
    p = cached_polylines.c
    with context.store.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).where(p.is_raw)) or 0


def test_a_network_elsewhere_touches_no_day(border: Border, stores: Store) -> None:
    context = stores.context
    border.deliver(context)
    border.use(context, "all", "all")
    run(context)
    network, _ = border.data["west"]
    away = replace(network, source_name="away.osm.pbf", bbox=Bbox(7.0, 43.0, 7.1, 43.1))
    coverage = Coverage.of(np.array([7.0, 7.1]), np.array([43.0, 43.1]))
    with context.store.write() as connection:
        assert networks.use_network(
            connection, away, context.settings.home, context.clock(), coverage
        )
    assert set(statuses(context.store).values()) == {"completed"}
    assert verify(context).ok
    remove(context, "away")
    assert set(statuses(context.store).values()) == {"completed"}


def test_a_day_that_is_matched_while_a_network_comes_is_matched_again(
    border: Border, stores: Store
) -> None:
    """Its worker has read the networks before, and publishes after."""
    context = stores.context
    border.deliver(context)
    border.use(context, "west", "west")
    comes = iter([True])

    class Meanwhile(Context):
        def roads(self, profile: str) -> Roads:
            found = super().roads(profile)
            if next(comes, False):
                border.use(context, "all", "all")
            return found

    with Meanwhile.open(context.settings, context.clock) as worker:
        run(worker, stages=["segmented"])
        run(worker, stages=["matched"])
    assert next(comes, None) is None
    run(context)
    assert not run(context)["matched"].days
    expected = in_one_pass(border, stores.other, {"west": "west", "all": "all"})
    assert difference(contents(context.store, *RESULTS), expected) == []


def test_where_no_network_knows_a_road_the_lines_are_raw(border: Border, stores: Store) -> None:
    context = stores.context
    away = border.local
    deliver(
        context.store,
        batch_of_device("away", Points.of(away.time_us, away.lon - 20, away.lat, away.accuracy_m)),
    )
    border.use(context, "all", "all")
    assert not run(context).problems
    assert _raw_windows(context) == len(hashes(context)) > 0
    b = processing_batches.c
    with context.store.read() as connection:
        assert connection.scalars(sa.select(b.matched_on).distinct()).all() == ["-"]
    assert verify(context).ok


def test_without_its_last_network_a_profile_keeps_its_lines_and_waits(
    border: Border, stores: Store
) -> None:
    context = stores.context
    border.deliver(context)
    border.use(context, "all", "all")
    run(context)
    before = contents(context.store, *RESULTS)
    remove(context, "all", "car")
    assert list_networks(context) == []
    run(context)
    assert contents(context.store, *RESULTS) == before
    assert set(statuses(context.store).values()) == {"pending"}
    border.use(context, "all", "all")
    assert not run(context).problems
    assert contents(context.store, *RESULTS) == before


def test_a_network_that_is_not_there_cannot_be_removed(border: Border, stores: Store) -> None:
    border.use(stores.context, "west", "west")
    for name, profile in (("east", None), ("west", "bicycle")):
        with pytest.raises(NotFoundError, match=r"there are: west \(car\)"):
            remove(stores.context, name, profile)


def test_the_map_of_a_network_makes_legs_due_where_it_touches_them(
    border: Border, tmp_path: Path
) -> None:
    """What is around matters to travel modes; of a network far away nothing is around."""
    with open_context("", tmp_path, engine_url="") as context:
        border.use(context, "west", "west")
        border.deliver(context)
        run(context)
        follow_tracks(context)
        days = {
            (row["device_id"], row["day"])
            for row in contents(context.store, "leg_days")["leg_days"]
        }

        def due() -> set[tuple[str, dt.date]]:
            found = legs.days_due(context)
            return {(device_id, day) for device_id in found for day in found[device_id]}

        assert days
        assert not due()
        _place_map(border, context, "east", lon=7.42, lat=43.73)
        border.use(context, "far", "east")
        assert context.mode_map() is not None
        assert not due()
        _place_map(border, context, "all", lon=float(border.local.lon[0]), lat=60.17)
        border.use(context, "near", "all")
        assert due() == days
        run(context)
        follow_tracks(context)
        assert not due()
        remove(context, "near")
        assert due() == days


def _place_map(border: Border, context: Context, data: str, lon: float, lat: float) -> None:
    """Give a network a map of one street for travel modes."""
    extract = context.settings.home / f"{data}.osm"
    extract.write_text(
        f'''<osm version="0.6"><node id="1" version="1" lat="{lat}" lon="{lon}"/>
        <node id="2" version="1" lat="{lat + 0.001}" lon="{lon}"/>
        <way id="1" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
        </osm>'''
    )
    version = border.data[data][0].version
    build_mode_map(extract, mode_map_folder(context.settings.home, version), version)
