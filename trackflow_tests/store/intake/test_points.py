"""The door: the same points give the same rows, and exactly the days they touch are marked."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.geo.time import to_us
from trackflow.sources.records import PointBatch, Refusal, RefusalReason
from trackflow.store.database import Store, open_store
from trackflow.store.intake.acceptance import DeliveryCounts, accept
from trackflow.store.intake.conflicts import EQUAL_TIME
from trackflow.store.tables import devices, gps_points, quarantined_points, receipts
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of,
    contents,
    deliver,
    empty,
    far_overrides,
    generations,
    part_of,
    settings_of,
)

DAY = NOON.date()
SECOND = 1_000_000
NOON_US = to_us(NOON)
DOOR = ("gps_points", "quarantined_points")


@pytest.fixture
def store(database_url: str, tmp_path: Path):
    store = open_store(settings_of(database_url, tmp_path))
    yield store
    store.close()


nan = st.just(float("nan"))
rows = st.tuples(
    st.sampled_from(["a", "b"]),
    st.integers(0, 4).map(lambda s: NOON_US + s * SECOND),
    st.sampled_from([24.9, 24.95, -0.0, 0.0]),
    st.sampled_from([60.1, 60.2]),
    nan | st.just(7.0),
    nan | st.sampled_from([3.0, 5.0]),
    nan,
    nan | st.just(90.0),
)
"""Few times and places, so that nearly all of them are in conflict."""


def examples(store: Store) -> int:
    return 8 if store.is_postgresql else 40


quick = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def counted(store: Store) -> tuple[int, int]:
    with store.read() as connection:
        tables = (gps_points, quarantined_points)
        stored, set_aside = (
            connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables
        )
    return stored or 0, set_aside or 0


def test_any_order_chunks_and_repeats_give_the_same_rows(store: Store) -> None:
    @settings(quick, max_examples=examples(store))
    @given(
        st.lists(rows, min_size=1, max_size=14),
        st.lists(st.integers(0, 13), max_size=12),
        st.randoms(use_true_random=False),
        st.integers(1, 8),
    )
    def check(points, again, random, chunks) -> None:
        empty(store)
        deliver(store, batch_of(points))
        expected = contents(store, *DOOR)
        empty(store)
        shuffled = [*points, *(points[k % len(points)] for k in again)]
        random.shuffle(shuffled)
        total = DeliveryCounts()
        for part in np.array_split(np.arange(len(shuffled)), chunks):
            if len(part):
                accepted = deliver(store, batch_of([shuffled[k] for k in part]))
                assert min(accepted.added, accepted.repeated, accepted.conflicting) >= 0
                total += accepted
        assert contents(store, *DOOR) == expected
        stored, set_aside = counted(store)
        assert total.added >= stored
        assert total.conflicting >= set_aside
        before = generations(store)
        again_whole = deliver(store, batch_of(shuffled))
        assert again_whole == DeliveryCounts(repeated=len(shuffled))
        assert generations(store) == before, "a repeat marks nothing"

    check()


def test_of_equal_times_the_best_stays_and_every_other_place_is_quarantined(store: Store) -> None:
    @settings(quick, max_examples=examples(store))
    @given(st.lists(rows, min_size=1, max_size=14))
    def check(points) -> None:
        empty(store)
        for point in points:
            deliver(store, batch_of([point]))
        found = contents(store, *DOOR)
        for row in found["gps_points"]:
            mine = [
                p for p in points if p[0] == row["device_id"] and p[1] == to_us(row["recorded_at"])
            ]
            known = [p[5] for p in mine if p[5] == p[5]]
            assert row["accuracy_m"] == (min(known) if known else None)
            lost = {(p[2], p[3]) for p in mine} - {(row["longitude"], row["latitude"])}
            quarantined = [
                q
                for q in found["quarantined_points"]
                if (q["device_id"], q["recorded_at"]) == (row["device_id"], row["recorded_at"])
            ]
            assert len(quarantined) == len(lost)
            assert {q["reason"] for q in quarantined} <= {EQUAL_TIME}

    check()


def test_new_ground_and_known_ground_give_the_same_rows(store: Store) -> None:
    """The first delivery of a time span is copied straight in, any later one goes by staging."""

    @settings(quick, max_examples=examples(store))
    @given(st.lists(rows, min_size=1, max_size=14))
    def check(points) -> None:
        empty(store)
        deliver(store, batch_of(points))
        straight = contents(store, *DOOR)
        empty(store)
        # points around the others make the ground known, and are no part of the comparison
        around = [
            (device, NOON_US + offset * SECOND, 1.0, 1.0)
            for device in {p[0] for p in points}
            for offset in (-100, 0.5, 100)
        ]
        around = [(d, int(t), lon, lat) for d, t, lon, lat in around]
        deliver(store, batch_of(around))
        deliver(store, batch_of(points))
        staged = contents(store, *DOOR)
        staged["gps_points"] = [r for r in staged["gps_points"] if r["longitude"] != 1.0]
        assert staged == straight

    check()


def test_what_is_unknown_is_null(store: Store) -> None:
    known = (24.9, 60.1, 5.0, 3.0, 10.0, 90.0)
    deliver(store, batch_of([("a", NOON_US, 24.9, 60.1), ("a", NOON_US + SECOND, *known)]))
    deliver(store, batch_of([("a", NOON_US + 1, 24.9, 60.1)]))
    columns = ("longitude", "latitude", "altitude_m", "accuracy_m", "speed_ms", "course_deg")
    found = [tuple(row[c] for c in columns) for row in contents(store)["gps_points"]]
    nothing = (24.9, 60.1, None, None, None, None)
    assert found == [nothing, nothing, known]


def overridden(store: Store, values: dict[str, float]) -> int:
    """Give the device thresholds as they are, in a store; returns how far they reach, in µs."""
    with store.write() as connection:
        connection.execute(sa.update(devices).values(thresholds=values))
    return round(Thresholds().override(values).reach_s * SECOND)


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("beyond_us", [0, 1])
@pytest.mark.parametrize("at_start", [True, False])
def test_a_point_marks_its_day_and_a_neighbour_whose_rules_look_at_it(
    store: Store, at_start: bool, beyond_us: int, far: bool, staged: bool
) -> None:
    """As far as the device's own thresholds reach, whatever the importer's environment says."""
    days = {offset: DAY + dt.timedelta(days=offset) for offset in (-2, -1, 0, 1, 2)}
    for offset in days:
        deliver(store, batch_of([("a", NOON_US + offset * 86_400 * SECOND, 1.0, 1.0)]))
    reach_us = overridden(store, far_overrides() if far else {})
    first = to_us(dt.datetime.combine(DAY, dt.time(), dt.UTC))
    end = first + 86_400 * SECOND
    time_us = first + reach_us + beyond_us if at_start else end - reach_us - 1 - beyond_us
    before = generations(store)
    points = [("a", time_us, 2.0, 2.0)]
    if staged:
        points += [("a", NOON_US, 1.0, 1.0)]
    deliver(store, batch_of(points))
    after = generations(store)
    expected = {0}
    expected |= {-1} if time_us - first <= reach_us else set()
    expected |= {1} if end - 1 - time_us <= reach_us else set()
    assert {day for (_, day), g in after.items() if g > before["a", day]} == {
        days[offset] for offset in expected
    }


def test_a_neighbour_without_points_gets_no_batch(store: Store) -> None:
    edges = [0, 86_400 * SECOND - 1]
    midnight = to_us(dt.datetime.combine(DAY, dt.time(), dt.UTC))
    deliver(store, batch_of([("a", midnight + edge, 1.0, 1.0) for edge in edges]))
    assert list(generations(store)) == [("a", DAY)]


def test_a_neighbour_is_marked_for_its_own_device_only(store: Store) -> None:
    late = NOON_US + 12 * 3600 * SECOND - SECOND
    deliver(store, batch_of([(d, NOON_US + 86_400 * SECOND, 1.0, 1.0) for d in ("a", "b")]))
    before = generations(store)
    deliver(store, batch_of([("a", late, 1.0, 1.0)]))
    after = generations(store)
    assert {key for key in before if after[key] > before[key]} == {
        ("a", DAY + dt.timedelta(days=1))
    }


def test_a_new_conflict_marks_its_day_for_the_ledger(store: Store) -> None:
    deliver(store, batch_of([("a", NOON_US, 1.0, 1.0, np.nan, 3.0)]))
    before = generations(store)
    worse = batch_of([("a", NOON_US, 2.0, 2.0, np.nan, 5.0)])
    assert deliver(store, worse) == DeliveryCounts(conflicting=1)
    marked = generations(store)
    assert marked["a", DAY] > before["a", DAY]
    assert deliver(store, worse) == DeliveryCounts(repeated=1)
    assert generations(store) == marked


def test_a_better_point_is_added_and_the_beaten_one_set_aside(store: Store) -> None:
    deliver(store, batch_of([("a", NOON_US, 1.0, 1.0, np.nan, 5.0)]))
    better = batch_of([("a", NOON_US, 2.0, 2.0, np.nan, 3.0)])
    assert deliver(store, better) == DeliveryCounts(added=1, conflicting=1)


def test_refusals_are_kept_once_with_their_reason(store: Store) -> None:
    bad = Refusal(RefusalReason.NULL_ISLAND, "0,0", "file.csv:2", "a")
    first = deliver(store, PointBatch.empty(), [bad, bad])
    again = deliver(store, PointBatch.empty(), [bad])
    assert (first, again) == (DeliveryCounts(refused=1), DeliveryCounts())
    (row,) = contents(store)["quarantined_points"]
    assert (row["device_id"], row["reason"], row["raw"]) == ("a", "null_island", "0,0")


@pytest.mark.parametrize("staged", [False, True])
def test_an_error_in_the_middle_leaves_nothing(store: Store, staged: bool) -> None:
    points = batch_of([("a", NOON_US, 1.0, 1.0), ("a", NOON_US, 2.0, 2.0)])
    if staged:
        deliver(store, part_of(points, np.array([0])))
    before = contents(store), generations(store)
    bad = Refusal(RefusalReason.NULL_ISLAND, "0,0", "file.csv:2", "a")

    def accept_and_break() -> None:
        with store.write() as connection:
            accept(connection, points, [bad], "test", NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        accept_and_break()
    assert (contents(store), generations(store)) == before
    with store.read() as connection:
        seqs = connection.scalars(sa.select(receipts.c.received_seq)).all()
    assert len(seqs) == int(staged)


def test_one_delivery_may_hold_many_devices_and_days(store: Store) -> None:
    rows = [
        (f"d{k}", NOON_US + (day * 86_400 + s) * SECOND, 1.0 + s, 1.0)
        for s in range(3)
        for day in (3, 0)
        for k in (12, 1, 2)
    ]
    accepted = deliver(store, batch_of(rows))
    assert accepted == DeliveryCounts(added=18)
    expected = {(f"d{k}", DAY + dt.timedelta(days=day)) for k in (1, 2, 12) for day in (0, 3)}
    assert set(generations(store)) == expected
