"""Hidden points leave everything that is shown, whenever they arrive, and come back unchanged."""

import datetime as dt
import uuid
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import BadInputError, GoneError, NotFoundError, SettingsError
from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Points
from trackflow.geo.time import from_us, to_us
from trackflow.store.devices.settings import lock_devices
from trackflow.store.housekeeping import retention
from trackflow.store.intake.points import read_points, read_split
from trackflow.store.tables import gps_points
from trackflow.usecases.days.checks import check_ledgers
from trackflow.usecases.days.explaining import explain_moment
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.devices.renaming import merge, rename
from trackflow.usecases.devices.shifting import DayRange, shift_weeks
from trackflow.usecases.intake.hiding import hide_points, list_hidings, restore_points
from trackflow.usecases.queries.devices import list_devices
from trackflow.usecases.queries.exported import RowFilter
from trackflow.usecases.queries.exported import points as exported_points
from trackflow.usecases.queries.tracks import read_track
from trackflow_tests.helpers.hidings import HidingOf, hidings_of
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    empty,
    generations,
    open_context,
    statuses,
)

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
LON = 24.94


def hide(
    context: Context,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    area: Bbox | None = None,
    device_id: str = "a",
) -> uuid.UUID:
    report = hide_points(context, device_id, start, end, area, hidden_by="ada")
    return report.hiding.hiding_id


def moment(time_us: int | None) -> dt.datetime | None:
    return None if time_us is None else from_us(time_us)


def check_whole(context: Context) -> None:
    assert not run(context).problems
    assert set(statuses(context.store).values()) == {"completed"}
    report = verify(context)
    assert report.ok, list(report.lines())
    first, last = dt.date(2025, 1, 1), dt.date(2027, 1, 1)
    assert check_ledgers(context, first, last).wrong == []


def test_a_hidden_time_leaves_tracks_and_exports_and_comes_back(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 360)))
        check_whole(context)
        before = contents(context.store)
        report = hide_points(context, "a", NOON + HOUR / 4, NOON + HOUR / 2, None, hidden_by="ada")
        assert (report.points, report.days) == (90, 1)
        check_whole(context)
        (ledger,) = contents(context.store, "day_ledgers")["day_ledgers"]
        assert (ledger["points"], ledger["hidden"], ledger["track"]) == (360, 90, 270)
        tracks = contents(context.store, "tracks")["tracks"]
        assert sorted(row["point_count"] for row in tracks) == [90, 180]
        assert len(list(exported_points(context, RowFilter()))) == 270
        done = restore_points(context, report.hiding.hiding_id, restored_by="bob")
        assert (done.points, done.days, done.hiding.restored_by) == (90, 1, "bob")
        check_whole(context)
        assert contents(context.store) == before


def test_leaving_out_a_wrong_point_mends_the_line(tmp_path: Path) -> None:
    """Over a hidden stretch a line would tell where it was; over a wrong fix it goes on."""
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 100)))
        hide(context, NOON + HOUR / 12, NOON + HOUR / 12 + dt.timedelta(seconds=30))
        check_whole(context)
        (track,) = contents(context.store, "tracks")["tracks"]
        assert (track["point_count"], track["ended"]) == (97, "gap")
        hide(context, NOON + HOUR / 6, NOON + HOUR / 6 + dt.timedelta(seconds=40))
        check_whole(context)
        tracks = contents(context.store, "tracks")["tracks"]
        first, second = sorted(tracks, key=lambda row: row["start_time"])
        assert (first["ended"], second["began"]) == ("hidden", "hidden")
        assert "hidden points between" in read_track(context, first["track_id"]).ended


def test_a_hidden_track_leaves_no_line_between_the_stays_around_it(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        way = drive(NOON, 100)
        stays = [
            drive(NOON - HOUR / 6, 60, lon=way.lon[0]),
            drive(NOON + HOUR / 3, 60, lon=way.lon[-1]),
        ]
        parked = [Points.of(p.time_us, np.full(60, p.lon[0]), p.lat) for p in stays]
        deliver(context.store, batch_of_device("a", Points.concat([way, *parked])))
        check_whole(context)
        (track,) = contents(context.store, "tracks")["tracks"]
        hide(context, track["start_time"], track["end_time"] + dt.timedelta(microseconds=1))
        check_whole(context)
        assert contents(context.store, "tracks")["tracks"] == []
        with pytest.raises(GoneError, match="a person has hidden its first point"):
            read_track(context, track["track_id"])


def test_an_area_hides_points_of_every_day_and_of_days_to_come(
    database_url: str, tmp_path: Path
) -> None:
    west_half = Bbox(LON - 1, 60.0, LON + 0.01, 61.0)
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 100)))
        deliver(context.store, batch_of_device("a", drive(NOON + 3 * DAY, 100)))
        check_whole(context)
        report = hide_points(context, "a", None, None, west_half, hidden_by="ada")
        assert report.days == 2
        deliver(context.store, batch_of_device("a", drive(NOON + 5 * DAY, 100)))
        check_whole(context)
        rows = list(exported_points(context, RowFilter()))
        assert len(rows) == 3 * (100 - report.points // 2)
        assert min(row["longitude"] for row in rows) > west_half.east


def test_only_days_with_hidden_points_are_made_again(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        for offset in (0, 2, 4):
            deliver(context.store, batch_of_device("a", drive(NOON + offset * DAY, 60)))
        run(context)
        before = generations(context.store)
        hide(context, NOON, NOON + 3 * DAY, Bbox(LON - 1, 60, LON + 0.001, 61))
        after = generations(context.store)
        changed = {key[1] for key in after if after[key] != before[key]}
        assert changed == {NOON.date(), (NOON + 2 * DAY).date()}


def test_the_last_position_is_one_that_may_be_seen(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        way = drive(NOON, 100)
        deliver(context.store, batch_of_device("a", way))
        deliver(context.store, batch_of_device("b", drive(NOON, 10)))
        hide(context, NOON + 10 * HOUR / 60)
        hide(context, None, NOON + HOUR / 60)
        a, b = list_devices(context)
        assert (a.first_time, a.last_time) == (NOON + HOUR / 60, NOON + HOUR / 6 - HOUR / 360)
        assert (a.longitude, a.latitude) == (way.lon[59], way.lat[59])
        assert b.last_time == NOON + HOUR / 40
        hide(context, None, NOON + DAY)
        assert list_devices(context)[0].longitude is None


def test_explain_names_who_hid_a_point(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 100)))
        hiding_id = hide(context, NOON + HOUR / 6, NOON + HOUR / 5)
        found = explain_moment(context, "a", NOON + HOUR / 6 + dt.timedelta(seconds=33))
        assert found.kind == "hidden"
        assert f"trackflow points restore {hiding_id}" in str(found)
        assert "ada" in str(found)
        assert explain_moment(context, "a", NOON + HOUR / 12).kind == "track"


def test_asking_twice_changes_nothing(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 100)))
        first = hide(context, NOON, NOON + HOUR)
        before = generations(context.store)
        again = hide_points(context, "a", NOON, NOON + HOUR, None, hidden_by="bob")
        assert (again.hiding.hiding_id, again.hiding.hidden_by) == (first, "ada")
        assert generations(context.store) == before
        assert len(list_hidings(context)) == 1
        restore_points(context, first, restored_by="ada")
        before = generations(context.store)
        done = restore_points(context, first, restored_by="bob")
        assert (done.points, done.hiding.restored_by) == (0, "ada")
        assert generations(context.store) == before
        assert list_hidings(context) == []
        assert [one.hiding_id for one in list_hidings(context, with_restored=True)] == [first]


@pytest.mark.parametrize(
    ("start", "end", "area"),
    [
        (None, None, None),
        (NOON, NOON, None),
        (NOON, NOON - HOUR, None),
        (None, None, Bbox(0, 2, 1, 1)),
        (None, None, Bbox(0, 0, 1, 91)),
        (None, None, Bbox(float("nan"), 0, 1, 1)),
        (None, None, Bbox(0, 0, float("inf"), 1)),
    ],
)
def test_nonsense_is_refused(
    tmp_path: Path, start: dt.datetime | None, end: dt.datetime | None, area: Bbox | None
) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 10)))
        with pytest.raises(BadInputError):
            hide(context, start, end, area)
        with pytest.raises(SettingsError, match="there is no device"):
            hide(context, NOON, device_id="b")
        with pytest.raises(NotFoundError):
            restore_points(context, uuid.uuid4(), restored_by="ada")


def test_hidings_follow_a_device_to_its_other_name(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 100)))
        deliver(context.store, batch_of_device("b", drive(NOON + 3 * HOUR, 100)))
        deliver(context.store, batch_of_device("b", drive(NOON + 9 * DAY, 100)))
        check_whole(context)
        hide(context, NOON + HOUR / 6)
        rename(context, "a", "c")
        check_whole(context)
        assert [one.device_id for one in list_hidings(context)] == ["c"]
        merge(context, "c", "b")
        check_whole(context)
        assert len(list(exported_points(context, RowFilter()))) == 60, "b's days are hidden as well"


def test_hidings_move_in_time_with_their_points(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 100)))
        hide(context, NOON + HOUR / 12, NOON + HOUR / 6)
        check_whole(context)
        days = DayRange(NOON.date(), NOON.date())
        shift_weeks(context, "a", -3, days)
        check_whole(context)
        (one,) = list_hidings(context)
        assert one.start_time == NOON + HOUR / 12 - 21 * DAY
        assert len(list(exported_points(context, RowFilter()))) == 70


def test_days_that_do_not_change_any_more_stay_as_they_are(
    database_url: str, tmp_path: Path
) -> None:
    """Retention keeps some old points as context; neither hiding nor restoring touches them."""
    edge = (NOON + 4 * DAY).date()
    with open_context(database_url, tmp_path) as context:
        for offset in range(6):
            deliver(context.store, batch_of_device("a", drive(NOON + offset * DAY, 100)))
        everywhere = hide(context, area=Bbox(LON - 1, 60, LON + 0.001, 61))
        check_whole(context)
        with context.store.write() as connection:
            lock_devices(connection, ["a"])
            retention.drop_days(connection, "a", edge, NOON + 30 * DAY, keep_tracks=False)
        check_whole(context)
        with pytest.raises(SettingsError, match="do not change any more"):
            hide(context, end=NOON + 2 * DAY)
        hide(context, NOON + HOUR / 6, NOON + 6 * DAY, Bbox(LON, 60, LON + 0.01, 61))
        check_whole(context)
        restore_points(context, everywhere, restored_by="ada")
        check_whole(context)
        ends = [one.end_time for one in list_hidings(context) if one.start_time is None]
        assert ends == [NOON.replace(hour=0) + 3 * DAY], "the closed days keep theirs"


def test_the_store_and_the_rules_agree_on_what_is_hidden(database_url: str, tmp_path: Path) -> None:
    """One is asked by queries, the other by whatever computes."""
    with open_context(database_url, tmp_path) as context:

        @settings(
            max_examples=10 if context.store.is_postgresql else 40,
            suppress_health_check=list(HealthCheck),
        )
        @given(
            seed=st.integers(0, 2**16),
            lon0=st.sampled_from([0.0, 179.99, -180.0]),
            some=st.lists(hidings_of(), min_size=1, max_size=3),
        )
        def check(seed: int, lon0: float, some: list[HidingOf]) -> None:
            random = np.random.default_rng(seed)
            time_us = to_us(NOON) + np.arange(60) * 3_600_000_000
            lon = (lon0 + random.uniform(-0.1, 0.1, 60) + 180) % 360 - 180
            found = Points.of(time_us, lon, random.uniform(-0.1, 0.1, 60))
            empty(context.store)
            deliver(context.store, batch_of_device("a", found))
            for rule in (one.of(found) for one in some):
                hide(context, moment(rule.start_us), moment(rule.end_us), rule.area)
            with context.store.read() as connection:
                span = to_us(NOON), to_us(NOON + 9 * DAY)
                visible, hidden = read_split(connection, "a", *span)
                assert read_points(connection, "a", *span) == visible
                stored = connection.scalar(sa.select(sa.func.count()).select_from(gps_points))
            assert len(visible) + len(hidden) == stored
            rows = list(exported_points(context, RowFilter()))
            assert [to_us(row["recorded_at"]) for row in rows] == visible.time_us.tolist()

        check()
