"""Legs in the store: the same however the work is cut up, and what persons decide about them."""

import datetime as dt
import itertools
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError, SettingsError
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY, to_us
from trackflow.store.devices.settings import lock_devices
from trackflow.store.devices.shifting import DayRange
from trackflow.store.housekeeping.retention import drop_days
from trackflow.store.intake import acceptance, imports
from trackflow.usecases.categories import legs
from trackflow.usecases.categories.correcting import (
    correct_mode,
    list_corrections,
    undo_correction,
)
from trackflow.usecases.categories.correction_files import export_corrections, import_corrections
from trackflow.usecases.categories.decided_files import FileOptions
from trackflow.usecases.categories.following import days_to_follow, follow_tracks
from trackflow.usecases.categories.leg_checks import check_cover
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.devices.renaming import rename
from trackflow.usecases.devices.settings import change_settings
from trackflow.usecases.devices.shifting import shift_weeks
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    empty,
    open_context,
)

MINUTE = dt.timedelta(minutes=1)
EVENING = NOON - 2 * ONE_DAY + 9 * 60 * MINUTE  # of the last day of a month

PIECES = st.lists(
    st.tuples(
        st.sampled_from([0, 4, 12, 25, 700]),  # minutes without a point before it
        st.sampled_from([0, 4.5, 16, 40, 110]),  # km/h
        st.integers(10, 70),  # minutes
    ),
    min_size=3,
    max_size=7,
)


def moves(pieces: list[tuple[int, float, int]], start: dt.datetime = EVENING) -> Points:
    """A point every 20 s: stretches of some speeds, one after another."""
    time_s, lon = [0.0], [24.9]
    for pause_min, speed_kmh, minutes in pieces:
        time_s.append(time_s[-1] + 20 + pause_min * 60)
        lon.append(lon[-1])
        for _ in range(minutes * 3):
            time_s.append(time_s[-1] + 20)
            lon.append(lon[-1] + speed_kmh / 3.6 * 20 / 55_500)
    time_us = to_us(start) + np.array(time_s) * 1e6
    return Points.of(time_us.astype(np.int64), np.array(lon), np.full(len(lon), 60.17))


def legs_of(context: Context) -> list[dict[str, Any]]:
    return contents(context.store, "legs")["legs"]


def update(context: Context, order: random.Random | None = None) -> None:
    """Bring all legs up to date; with an order, some days at a time."""
    while due := legs.days_due(context):
        for device_id, days in due.items():
            some = order.sample(days, order.randint(1, len(days))) if order else days
            legs.update_legs(context, device_id, some)


@pytest.fixture(scope="module")
def store(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    with open_context(shared_database_url, tmp_path_factory.mktemp("home")) as opened:
        yield opened


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(pieces=PIECES, seed=st.integers(0, 2**32))
def test_any_chunks_in_any_order_give_the_legs_of_one_pass(
    store: Context, pieces: list[tuple[int, float, int]], seed: int
) -> None:
    points = moves(pieces)
    end = dt.datetime.fromtimestamp(points.time_us[-1] / 1e6, dt.UTC)
    empty(store.store)
    deliver(store.store, batch_of_device("van", points))
    run(store)
    legs.update_legs(store, "van")
    whole = legs_of(store)
    by_day = contents(store.store, "leg_days")["leg_days"]

    empty(store.store)
    order = random.Random(seed)
    piece = np.random.default_rng(seed).integers(0, 3, len(points))
    # what is taken back in the end joins journeys, and goes on after them
    wrong = moves([(0, 30, 60)], end + 5 * MINUTE)
    for k in (*order.sample(range(3), 3), "wrong"):
        batch = batch_of_device("van", wrong if k == "wrong" else points[piece == k])
        with store.store.write() as connection:
            if k == "wrong":
                imports.note(connection, "wrong", NOON)
            import_id = "wrong" if k == "wrong" else ""
            acceptance.accept(connection, batch, [], "test", NOON, import_id=import_id)
        run(store)
        update(store, order)
    with store.store.write() as connection:
        imports.undo(connection, "wrong", NOON)
    run(store)
    update(store, order)
    assert legs_of(store) == whole
    hashes = {row["day"]: row["inputs_hash"] for row in by_day}
    again = contents(store.store, "leg_days")["leg_days"]
    assert {row["day"]: row["inputs_hash"] for row in again if row["day"] in hashes} == hashes
    for leg, following in itertools.pairwise(whole):
        assert leg["end_time"] <= following["start_time"]
    for row in again:
        assert check_cover(store, row["day"]).wrong == [], "legs cover tracks, over months too"


TRIP = [(0, 4.5, 15), (0, 60.0, 40), (0, 4.5, 15)]


@pytest.fixture
def context(tmp_path: Path, made_once: MadeOnce) -> Iterator[Context]:
    """A walk, a drive and a walk at noon of each of six days."""

    def make() -> None:
        for day in range(6):
            deliver(opened.store, batch_of_device("van", moves(TRIP, NOON + day * ONE_DAY)))
        run(opened)
        follow_tracks(opened)

    with open_context("", tmp_path) as opened:
        made_once.bring(opened.store, make)
        yield opened


def on_day(context: Context, day: int) -> list[tuple[str, str]]:
    first = (NOON + day * ONE_DAY).date()
    return [
        (row["mode"], row["decided_by"])
        for row in legs_of(context)
        if row["start_time"].date() == first
    ]


def test_a_correction_counts_survives_and_is_undone(context: Context) -> None:
    before = legs_of(context)
    assert {by for _, by in on_day(context, 1)} == {"model"}
    assert days_to_follow(context) == []
    categories = contents(context.store, "category_days")["category_days"]
    start, end = NOON + ONE_DAY + 20 * MINUTE, NOON + ONE_DAY + 50 * MINUTE
    one = correct_mode(context, "van", start, end, Mode.BUS, decided_by="anna")
    corrected = [(mode, by) for mode, by in on_day(context, 1) if by == "person"]
    assert corrected == [("bus", "person")]
    assert days_to_follow(context) == []
    follow_tracks(context, everything=True)
    assert ("bus", "person") in on_day(context, 1)
    assert [leg for leg in legs_of(context) if leg["start_time"].date() != start.date()] == [
        leg for leg in before if leg["start_time"].date() != start.date()
    ]
    made_anew = contents(context.store, "category_days")["category_days"]
    changed = [a["day"] for a, b in zip(categories, made_anew, strict=True) if a != b]
    assert changed == [start.date()], "categories follow where legs have changed, and only there"
    undo_correction(context, one.correction_id)
    undo_correction(context, one.correction_id)
    assert legs_of(context) == before
    assert contents(context.store, "category_days")["category_days"] == categories
    assert list_corrections(context) == []
    assert [found.decided_by for found in list_corrections(context, with_undone=True)] == ["anna"]


def test_corrections_leave_and_come_back_once(context: Context) -> None:
    before = legs_of(context)
    for day, mode in ((1, Mode.BUS), (2, Mode.CYCLING)):
        start = NOON + day * ONE_DAY + 20 * MINUTE
        correct_mode(context, "van", start, start + 30 * MINUTE, mode, decided_by="anna")
    corrected = legs_of(context)
    text = "".join(export_corrections(context))
    for one in list_corrections(context):
        undo_correction(context, one.correction_id)
    assert legs_of(context) == before

    wrong = ("2026-03-02T12:00Z,2026-03-02T13:00Z,van,rocket,x\r\n"
             "2026-03-02T12:00Z,2026-03-02T12:00Z,van,Bus,x\r\n"
             "2026-03-02T12:00Z,2026-03-02T13:00Z,boat,bus,x\r\n")  # fmt: skip
    read = lambda: import_corrections(  # noqa: E731
        context, (text + wrong).encode(), "a.csv", "bert", FileOptions()
    )
    first, again = read(), read()
    assert (first.rows, first.added, first.refused) == (5, 2, 3)
    assert [one.line for one in first.refusals] == [4, 5, 6]
    assert (again.added, again.unchanged, again.overruled) == (0, 2, 0)
    (late,) = [one for one in list_corrections(context) if one.mode is Mode.BUS]
    context.clock.advance(1)  # type: ignore[attr-defined]
    train = correct_mode(
        context, "van", late.start_time, late.end_time, Mode.TRAIN, decided_by="anna"
    )
    assert read().overruled == 1, "what was decided later stays, and that is told"
    undo_correction(context, train.correction_id)
    assert read().overruled == 0
    assert legs_of(context) == corrected
    assert {one.decided_by for one in list_corrections(context)} == {"bert"}
    assert days_to_follow(context) == []


def test_what_cannot_be_corrected_is_refused(context: Context) -> None:
    with pytest.raises(BadInputError):
        correct_mode(context, "van", NOON, NOON, Mode.BUS, decided_by="anna")
    with pytest.raises(SettingsError):
        correct_mode(context, "bus", NOON, NOON + MINUTE, Mode.BUS, decided_by="anna")
    with pytest.raises(NotFoundError):
        undo_correction(context, uuid.uuid4())


def test_many_corrections_teach_what_a_device_is_used_for(context: Context) -> None:
    due = lambda: legs.days_due(context).get("van", [])  # noqa: E731
    correct_mode(context, "van", NOON, NOON + 20 * MINUTE, Mode.CYCLING, decided_by="anna")
    assert due() == [], "a short correction says little about other days"
    correct_mode(context, "van", NOON, NOON + 600 * MINUTE, Mode.CYCLING, decided_by="anna")
    assert len(due()) == 4, "hours of them make other days due"
    follow_tracks(context)
    change_settings(context, "van", profile="bicycle")
    run(context)
    assert len(due()) == 6


def test_corrections_follow_what_happens_to_devices(context: Context) -> None:
    start, end = NOON + ONE_DAY + 20 * MINUTE, NOON + ONE_DAY + 50 * MINUTE
    correct_mode(context, "van", start, end, Mode.BUS, decided_by="anna")
    before = legs_of(context)
    shift_weeks(context, "van", -2, DayRange(NOON.date(), (NOON + 9 * ONE_DAY).date()))
    run(context)
    follow_tracks(context)
    assert ("bus", "person") in on_day(context, 1 - 14)
    shift_weeks(context, "van", 2, DayRange())
    rename(context, "van", "bus")
    assert legs_of(context) == []
    run(context)
    follow_tracks(context)
    assert legs_of(context) == [{**row, "device_id": "bus"} for row in before]
    purge(context, "bus")
    names = ("legs", "leg_days", "mode_corrections")
    assert not any(contents(context.store, *names).values())


@pytest.mark.parametrize("keep_tracks", [True, False])
def test_retention_takes_legs_with_their_tracks(context: Context, keep_tracks: bool) -> None:
    correct_mode(context, "van", NOON, NOON + 20 * MINUTE, Mode.BUS, decided_by="anna")
    before = legs_of(context)
    edge = (NOON + 4 * ONE_DAY).date()
    with context.store.write() as connection:
        lock_devices(connection, ["van"])
        drop_days(connection, "van", edge, context.clock(), keep_tracks=keep_tracks)
    kept = before if keep_tracks else [row for row in before if row["start_time"] > NOON + ONE_DAY]
    assert len(list_corrections(context)) == int(keep_tracks)
    follow_tracks(context, everything=True)
    first_kept = (NOON + 2 * ONE_DAY).date()
    expected = kept if keep_tracks else [r for r in kept if r["start_time"].date() >= first_kept]
    assert legs_of(context) == expected
