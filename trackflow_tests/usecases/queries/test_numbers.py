"""Numbers are the sums of the tracks, whatever way they are cut: by day, month, device or mode."""

import datetime as dt
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.geo.periods import By
from trackflow.geo.time import from_us, to_us
from trackflow.store.categories.tables import legs
from trackflow.store.devices.looks import DeviceLook, write_look
from trackflow.store.devices.settings import change_device
from trackflow.store.tables import tracks
from trackflow.tracks.day_parts import quarter_edges, write_quarters
from trackflow.tracks.merging import track_id
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.queries.numbers import (
    NumbersQuery,
    NumbersReport,
    Per,
    figures_of,
    read_numbers,
)
from trackflow_tests.helpers.stores import (
    batch_of,
    deliver,
    drive,
    empty,
    open_context,
    part_of,
)

ZONES = ["UTC", "Europe/Helsinki", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]
"""With changes of the clocks by an hour, by half an hour, and by a whole day."""

EPOCH = dt.datetime(2011, 12, 20, tzinfo=dt.UTC)
"""Apia left out the 30th."""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    home = tmp_path_factory.mktemp("numbers")
    with open_context(f"sqlite:///{home / 'trackflow.db'}", home) as opened:
        yield opened


SUMS = ("length_mm", "duration_us", "trips", "top_kmh", "idle_ms", "climb_cm")


def a_track(device: str, start_s: int, duration_s: int, seed: int) -> dict[str, Any]:
    """A row of `tracks` with random amounts in each quarter of an hour."""
    draw = random.Random(seed)
    start_us = to_us(EPOCH) + start_s * 1_000_000
    end_us = start_us + duration_s * 1_000_000
    edges = quarter_edges(start_us, end_us)
    spans = [(later - earlier) // 1000 for earlier, later in pairwise(edges)]
    mm = [draw.randrange(0, 20_000_000) for _ in spans]
    idle = [draw.randrange(0, span + 1) for span in spans]
    climb = [draw.randrange(0, 3000) for _ in spans] if draw.random() < 0.5 else None
    polygon = {"west": 0.0, "south": 0.0, "east": 0.0, "north": 0.0}
    return {
        "track_id": track_id(device, start_us), "device_id": device,
        "start_time": from_us(start_us), "end_time": from_us(end_us), "began": "gap",
        "ended": "gap", "distance_m": sum(mm) / 1000, "quarters_mm": write_quarters(mm),
        "duration_s": duration_s, "average_speed_kmh": 1.0,
        "max_speed_kmh": float(draw.randrange(50, 150)),
        "fastest_at": from_us(draw.randrange(start_us, end_us)), "idle_ms": sum(idle),
        "quarters_idle_ms": write_quarters(idle), "climb_cm": climb and sum(climb),
        "quarters_climb_cm": climb and write_quarters(climb), "point_count": 2,
        "segment_count": 1, "raw_polyline": "", "matched_polyline": "", "matched_share": 0.0,
        "content_hash": "", "updated_at": EPOCH, **polygon,
    }  # fmt: skip


def put(context: Context, rows: list[dict[str, Any]]) -> None:
    from trackflow.store.tables import devices

    with context.store.write() as connection:
        for name in sorted({row["device_id"] for row in rows}):
            connection.execute(sa.insert(devices).values(device_id=name, created_at=EPOCH))
        connection.execute(sa.insert(tracks), rows)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tracks of a few devices that follow one another, short ones and some of days."""
    rows = []
    for device in draw(st.sets(st.sampled_from("abc"), min_size=1)):
        now_s = draw(st.integers(0, 86_400))
        for _ in range(draw(st.integers(1, 8))):
            duration_s = draw(st.integers(1, 7200) | st.integers(1, 300_000))
            rows.append(a_track(device, now_s, duration_s, draw(st.integers(0, 10**6))))
            now_s += duration_s + draw(st.integers(1, 200_000))
    return rows


def local_days(row: dict[str, Any], zone: ZoneInfo) -> dict[dt.date, int]:
    """Millimetres by local day, second by second of the definition: quarters, each evenly."""
    start_us, end_us = to_us(row["start_time"]), to_us(row["end_time"])
    edges = quarter_edges(start_us, end_us)
    found: dict[dt.date, int] = {}
    for (low, high), mm in zip(
        pairwise(edges), map(int, row["quarters_mm"].split(",")), strict=True
    ):
        assert from_us(low).astimezone(zone).date() == from_us(high - 1).astimezone(zone).date()
        day = from_us(low).astimezone(zone).date()
        found[day] = found.get(day, 0) + mm
    return found


@settings(max_examples=25)
@given(histories(), st.sampled_from(ZONES), st.sampled_from(list(By)), st.data())
def test_rows_are_the_sums_of_the_tracks_parts(
    context: Context, rows: list[dict[str, Any]], zone: str, by: By, data: st.DataObject
) -> None:
    empty(context.store)
    put(context, rows)
    expected: dict[tuple[dt.date, str], int] = {}
    for row in rows:
        for day, mm in local_days(row, ZoneInfo(zone)).items():
            on = (day, row["device_id"])
            expected[on] = expected.get(on, 0) + mm
    days = read_numbers(context, NumbersQuery(by=By.DAY, per=Per.DEVICE, zone=zone))
    found = {(row.period.first, row.key): row.sums.length_mm for row in days.rows}
    assert {on: mm for on, mm in found.items() if mm} == {o: mm for o, mm in expected.items() if mm}

    whole = read_numbers(context, NumbersQuery(by=by, zone=zone))
    for name in SUMS:
        assert getattr(whole.totals, name) == getattr(days.totals, name), name
    assert whole.totals.length_mm == sum(round(row["distance_m"] * 1000) for row in rows)
    assert whole.totals.trips == len(rows)
    assert whole.totals.idle_ms == sum(row["idle_ms"] for row in rows)
    climbs = [row["climb_cm"] for row in rows if row["climb_cm"] is not None]
    assert whole.totals.climb_cm == (sum(climbs) if climbs else None)
    assert whole.totals.top_kmh == max(row["max_speed_kmh"] for row in rows)
    assert all(bool(row.sums.top_kmh) >= bool(row.sums.length_mm) for row in days.rows)
    assert sum(row.sums.length_mm for row in whole.rows) == whole.totals.length_mm

    first, last = sorted(
        data.draw(st.tuples(*[st.sampled_from(sorted({d for d, _ in expected}))] * 2))
    )
    part = read_numbers(context, NumbersQuery(first, last, by=By.DAY, per=Per.DEVICE, zone=zone))
    inside = [row for row in days.rows if first <= row.period.first <= last]
    assert [(r.period, r.key, r.sums) for r in part.rows] == [
        (r.period, r.key, r.sums) for r in inside
    ]
    assert part.before
    assert part.before_totals
    assert part.before.last == first - dt.timedelta(days=1)
    assert part.before_totals.length_mm == sum(
        row.sums.length_mm
        for row in days.rows
        if part.before.first <= row.period.first <= part.before.last
    )


@settings(max_examples=20)
@given(histories(), st.data())
def test_modes_add_up_to_the_tracks(
    context: Context, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    empty(context.store)
    put(context, rows)
    made = []
    for row in rows:
        start_us, end_us = to_us(row["start_time"]), to_us(row["end_time"])
        cuts = data.draw(st.sets(st.integers(start_us, end_us), max_size=3))
        for low, high in pairwise(sorted({start_us, *cuts, end_us})):
            if data.draw(st.booleans()):
                made.append(
                    {
                        "device_id": row["device_id"], "start_time": from_us(low),
                        "end_time": from_us(high), "probability": 1.0, "distance_m": 1.0,
                        "mode": data.draw(st.sampled_from(["walking", "driving"])),
                        "decided_by": "model", "evidence": {},
                    }
                )  # fmt: skip
    if made:
        with context.store.write() as connection:
            connection.execute(sa.insert(legs), made)
    zone = data.draw(st.sampled_from(ZONES))
    plain = read_numbers(context, NumbersQuery(by=By.DAY, zone=zone))
    modes = read_numbers(context, NumbersQuery(by=By.DAY, per=Per.MODE, zone=zone))
    for name in ("length_mm", "duration_us", "idle_ms", "climb_cm", "trips"):
        assert getattr(modes.totals, name) == getattr(plain.totals, name), name
        for row in plain.rows:
            of_day = [getattr(r.sums, name) for r in modes.rows if r.period == row.period]
            known = [value for value in of_day if value is not None]
            assert sum(known) == (getattr(row.sums, name) or 0), name
    assert all(bool(row.sums.top_kmh) >= bool(row.sums.length_mm) for row in modes.rows)
    seconds: dict[str | None, int] = {}
    for one in made:
        seconds[one["mode"]] = (
            seconds.get(one["mode"], 0) + to_us(one["end_time"]) - to_us(one["start_time"])
        )
    found = {group.key: group.sums.duration_us for group in modes.groups if group.key}
    assert {k: us for k, us in found.items() if us} == {k: us for k, us in seconds.items() if us}


def test_a_day_is_as_fast_at_most_as_on_average_at_least(context: Context) -> None:
    """A drive through the night was fastest on one day, and drove on the other one, too."""
    empty(context.store)
    start = dt.datetime(2026, 3, 2, 22, tzinfo=dt.UTC)
    night = drive(start, 1500)
    deliver(
        context.store,
        batch_of([("a", int(us), lon, lat) for us, lon, lat in
                  zip(night.time_us, night.lon, night.lat, strict=True)]),
    )  # fmt: skip
    run(context)
    for per in (None, Per.MODE):
        found = read_numbers(context, NumbersQuery(by=By.DAY, per=per, zone="UTC"))
        figures = [figures_of(row.sums) for row in found.rows if row.sums.duration_us > 60_000_000]
        assert len({row.period for row in found.rows}) == 2
        for one in figures:
            assert one["average_speed_kmh"]
            assert one["max_speed_kmh"]
            assert one["max_speed_kmh"] >= one["average_speed_kmh"] - 0.02


def numbers_of(context: Context) -> list[NumbersReport]:
    """Everything that can be asked, without what was asked."""
    return [
        read_numbers(context, NumbersQuery(by=by, per=per, zone=zone))
        for by in (By.DAY, By.MONTH)
        for per in (None, *Per)
        for zone in ("UTC", "Europe/Helsinki")
    ]


@settings(max_examples=4)
@given(order=st.permutations(range(6)), cut=st.integers(1, 5))
def test_late_points_and_other_orders_give_the_numbers_of_one_pass(
    context: Context, order: list[int], cut: int
) -> None:
    start = dt.datetime(2026, 3, 28, 20, tzinfo=dt.UTC)  # before the clocks of Helsinki change
    points = [drive(start + dt.timedelta(hours=k * 9), 700 if k % 2 else 1500) for k in range(3)]
    rows = [
        (device, int(us), lon, lat, 30 * (us // 600_000_000 % 3))
        for device in ("a", "b")
        for part in points
        for us, lon, lat in zip(part.time_us, part.lon, part.lat, strict=True)
    ]
    whole = batch_of(rows)
    parts = [part_of(whole, slice(k, None, 6)) for k in range(6)]

    empty(context.store)
    deliver(context.store, whole)
    run(context)
    expected = numbers_of(context)
    assert expected[0].totals.climb_cm

    empty(context.store)
    for k in order[:cut]:
        deliver(context.store, parts[k])
    run(context)
    for k in order[cut:]:
        deliver(context.store, parts[k])
    run(context)
    assert numbers_of(context) == expected

    purge(context, "a")
    alone = numbers_of(context)
    assert alone[0].totals.length_mm * 2 == expected[0].totals.length_mm


def test_the_day_of_a_changed_clock_has_its_own_length(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        put(context, [a_track("a", k * 900, 900, k) for k in range(96 * 120, 96 * 130)])
        spring = read_numbers(
            context,
            NumbersQuery(by=By.DAY, zone="America/St_Johns"),
        )
        hours = {row.period.first: row.sums.duration_us / 3.6e9 for row in spring.rows}
    assert set(list(hours.values())[1:-1]) <= {23.0, 24.0, 25.0}


def test_a_device_without_heights_has_no_elevation_gain(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of([("a", us, x, y) for us, x, y in _triples(400)]))
        run(context)
        found = read_numbers(context, NumbersQuery(per=Per.DEVICE))
        with context.store.write() as connection:
            change_device(connection, "a", EPOCH, time_zone="Asia/Tokyo")
    assert found.totals.climb_cm is None
    assert found.totals.idle_ms == 0
    assert [group.key for group in found.groups] == ["a"]


def _triples(count: int) -> Iterator[tuple[int, float, float]]:
    part = drive(dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC), count)
    for us, lon, lat in zip(part.time_us, part.lon, part.lat, strict=True):
        yield int(us), lon, lat


def test_both_databases_add_up_alike(database_url: str, tmp_path: Path) -> None:
    draw = random.Random(5)
    rows, made = [], []
    for device in ("a", "b"):
        now_s = 0
        for _ in range(40):
            duration_s = draw.choice([600, 4000, 90_000])
            rows.append(a_track(device, now_s, duration_s, draw.randrange(10**6)))
            begun, ended = rows[-1]["start_time"], rows[-1]["end_time"]
            middle = begun + (ended - begun) / 3
            for low, high, mode in ((begun, middle, "walking"), (middle, ended, "driving")):
                made.append(
                    {
                        "device_id": device, "start_time": low, "end_time": high, "mode": mode,
                        "probability": 1.0, "distance_m": 1.0, "decided_by": "model",
                        "evidence": {},
                    }
                )  # fmt: skip
            now_s += duration_s + draw.randrange(1, 50_000)
    with open_context(database_url, tmp_path) as context:
        put(context, rows)
        with context.store.write() as connection:
            connection.execute(sa.insert(legs), made)
        plain = read_numbers(context, NumbersQuery(by=By.DAY, zone="Europe/Helsinki")).totals
        assert plain.length_mm == sum(round(row["distance_m"] * 1000) for row in rows)
        for by in By:
            for per in Per:
                found = read_numbers(context, NumbersQuery(by=by, per=per, zone="Europe/Helsinki"))
                assert {name: getattr(found.totals, name) for name in SUMS} == {
                    name: getattr(plain, name) for name in SUMS
                }, (by, per)
        modes = read_numbers(context, NumbersQuery(per=Per.MODE)).groups
        assert {group.key for group in modes} == {"walking", "driving"}

        with context.store.write() as connection:
            write_look(connection, "a", DeviceLook(group="vans"))
        devices = read_numbers(context, NumbersQuery(per=Per.DEVICE)).groups
        groups = read_numbers(context, NumbersQuery(per=Per.GROUP)).groups
        named = {"a": "vans", "b": None}
        assert {named[str(one.key)]: one.sums for one in devices} == {
            one.key: one.sums for one in groups
        }


def test_a_running_year_is_compared_with_as_much_of_the_year_before(context: Context) -> None:
    empty(context.store)
    put(context, [a_track("a", month * 30 * 86_400, 900, month) for month in range(24)])
    year = NumbersQuery(dt.date(2013, 1, 1), dt.date(2013, 12, 31))
    found = read_numbers(context, year, today=dt.date(2013, 5, 9))
    assert found.before == (dt.date(2012, 1, 1), dt.date(2012, 5, 9))
    part = read_numbers(context, NumbersQuery(*found.before))
    assert found.before_totals == part.totals
    assert part.totals.trips == 4
    whole = read_numbers(context, year, today=dt.date(2013, 12, 31))
    assert whole.before_totals
    assert whole.before_totals.trips > part.totals.trips
    assert whole.totals == found.totals
