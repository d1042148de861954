"""Retention: what is deleted is gone, and what is kept is as if nothing had been deleted."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.points import Points
from trackflow.geo.time import midnight, to_us
from trackflow.sources.devices.fixes import BodyContent
from trackflow.sources.records import PointBatch
from trackflow.store.tables import metadata
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days.checks import check_ledgers
from trackflow.usecases.days.run import RunMode, run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.housekeeping.retention import RetentionReport, apply_retention
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.intake.inbox import scan
from trackflow.usecases.intake.receiving import receive
from trackflow_tests.helpers.filled import everything as all_rows
from trackflow_tests.helpers.histories import FIRST, History, histories
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of,
    batch_of_device,
    contents,
    deliver,
    drive,
    empty,
    open_context,
    part_of,
)
from trackflow_tests.helpers.town import Town
from trackflow_tests.usecases.days.test_exactness import (
    Fleet,
    configure,
    everything,
    name_of,
    relaxed,
)

AGE = 10
MADE = ("segments", "day_ledgers", "cached_polylines", "tracks")
EXAMPLES = {"sqlite": 6, "postgresql": 2}


def retain(context: Context, clock: Clock, edge: dt.date) -> RetentionReport:
    clock.time = midnight(edge) + dt.timedelta(days=AGE, hours=5)
    return apply_retention(context, approve=edge)


def is_kept_whole(row: dict[str, Any], edge: dt.date) -> bool:
    """Whether a row is of a day, or reaches into one, that retention has nothing to do with."""
    return bool(row["day"] >= edge if "day" in row else row["end_time"] >= midnight(edge))


def check(
    context: Context, clock: Clock, found: Fleet, edge: dt.date, is_late: np.ndarray[Any, Any]
) -> RetentionReport:
    """Late points after retention, and everything computed again, against no retention at all."""
    whole = everything(found)
    early, late = part_of(whole, np.flatnonzero(~is_late)), np.flatnonzero(is_late)
    _begin(context, found, early)
    report = retain(context, clock, edge)
    assert verify(context).ok, list(verify(context).lines())
    with context.store.read() as connection:
        kept_from = dict(connection.execute(_edges()).all())
    deliver(context.store, part_of(whole, late), now=clock())
    assert not run(context, mode=RunMode.BULK).problems
    after = contents(context.store, "gps_points", *MADE)
    verified = verify(context)
    assert verified.ok, list(verified.lines())
    days = edge - dt.timedelta(days=30), edge + dt.timedelta(days=30)
    assert check_ledgers(context, *days).wrong == []

    comes_in = [
        k
        for k in late
        if (day := kept_from.get(whole.devices[whole.device[k]])) is None
        or whole.time_us[k] >= to_us(midnight(day))
    ]
    _begin(context, found, early)
    deliver(context.store, part_of(whole, np.array(comes_in, int)), now=clock())
    assert not run(context, mode=RunMode.BULK).problems
    expected = contents(context.store, "gps_points", *MADE)
    for name in ("gps_points", *MADE):
        assert [row for row in after[name] if row not in expected[name]] == [], name
    for name in MADE:
        wanted = [row for row in expected[name] if is_kept_whole(row, edge)]
        assert [row for row in wanted if row not in after[name]] == [], name
    return report


def _begin(context: Context, found: Fleet, early: PointBatch) -> None:
    empty(context.store)
    deliver(context.store, early)
    configure(context, Fleet(h for k, h in enumerate(found) if name_of(k) in early.devices))
    assert not run(context).problems


def _edges() -> sa.Select[Any]:
    devices = metadata.tables["devices"]
    return sa.select(devices.c.device_id, devices.c.kept_from)


def long(history: History) -> bool:
    return len(history.points) < 700 and 3 <= history.days < 12


@pytest.mark.slow
def test_what_is_kept_does_not_change_whatever_comes_later(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    with open_context(database_url, tmp_path, clock, retention_days=AGE) as context:

        @settings(relaxed, max_examples=EXAMPLES[context.store.engine.dialect.name])
        @given(
            history=histories().filter(long),
            offset=st.integers(2, 6),
            seed=st.integers(0, 2**16),
        )
        def property_(history: History, offset: int, seed: int) -> None:
            assume(offset <= history.days)
            fleet = Fleet([history])
            is_late = np.random.default_rng(seed).random(len(history.points)) < 0.2
            assume(not is_late.all())
            report = check(context, clock, fleet, FIRST + dt.timedelta(days=offset), is_late)
            event("something was deleted" if report.devices else "nothing was old enough")

        property_()


@pytest.mark.slow
@pytest.mark.parametrize("keep_tracks", [False, True])
def test_a_longer_setting_or_none_takes_old_points_again(
    database_url: str, tmp_path: Path, *, keep_tracks: bool
) -> None:
    """With the same points once more, all is as if nothing had been deleted."""
    clock = Clock()
    settings_of_store = {"retention_days": AGE, "keep_tracks": keep_tracks}
    with open_context(database_url, tmp_path, clock, **settings_of_store) as context:
        longer, off = (
            Context(replace(context.settings, retention_days=days), context.store, clock)
            for days in (AGE + 2, 0)
        )

        @settings(relaxed, max_examples=EXAMPLES[context.store.engine.dialect.name])
        @given(history=histories().filter(long), offset=st.integers(3, 6))
        def property_(history: History, offset: int) -> None:
            assume(offset <= history.days)
            fleet = Fleet([history])
            whole = everything(fleet)
            _begin(context, fleet, whole)
            expected = contents(context.store, "gps_points", *MADE)
            retain(context, clock, FIRST + dt.timedelta(days=offset))
            deliver(context.store, whole, now=clock())
            assert not run(context).problems
            for more in (longer, off):
                for late in (False, True):
                    apply_retention(more)
                    assert not run(more).problems
                    if late:
                        deliver(context.store, whole, now=clock())
                        assert not run(more).problems
                    report = verify(more)
                    assert report.ok, list(report.lines())
            assert contents(context.store, "gps_points", *MADE) == expected
            refused = {row["reason"] for row in all_rows(context.store)["quarantined_points"]}
            assert "too_old" not in refused

        property_()


def test_the_next_import_takes_what_the_setting_allows_and_counts_what_it_does_not(
    database_url: str, tmp_path: Path
) -> None:
    clock, edge = Clock(), FIRST + dt.timedelta(days=6)
    rows = [f"a,{midnight(FIRST) + dt.timedelta(hours=8, seconds=k)},60.1,24.9" for k in range(4)]
    rows += [f"a,{midnight(edge) + dt.timedelta(seconds=k)},60.1,24.9" for k in range(3)]
    old = tmp_path / "old.csv"
    old.write_text("\n".join(["device_id,recorded_at,latitude,longitude", *rows]))
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    copy = inbox / "copy.csv"
    with open_context(database_url, tmp_path, clock, retention_days=AGE, inbox=inbox) as context:
        import_paths(context, [old])
        retain(context, clock, edge)

        for repeated in (3, 3):
            (file,) = import_paths(context, [old]).files
            assert file.reasons == {"too_old": 4}
            assert file.accepted.too_old == 4
            assert (file.accepted.added, file.accepted.repeated) == (0, repeated)
        copy.write_text(old.read_text())
        (noted,) = scan(context).files
        assert (noted.points_added, noted.refused) == (0, 4)
        received = receive(
            context, BodyContent(batch_of([("a", to_us(midnight(FIRST)), 1.0, 1.0)])), "t"
        )
        assert (received.refused, received.reasons) == (1, {"too_old": 1})

        off = Context(replace(context.settings, retention_days=0), context.store, clock)
        (file,) = import_paths(off, [old]).files
        assert file.reasons == {}
        assert (file.accepted.added, file.accepted.too_old) == (4, 0)


def waiting_at_midnight(days: int) -> Points:
    """A stay over every midnight that ends two minutes later: too short to be one by itself."""
    parts = []
    for k in range(1, days):
        away = midnight(FIRST + dt.timedelta(days=k)) + dt.timedelta(minutes=2)
        stay = drive(away - dt.timedelta(minutes=20), 120)
        parts.append(Points.of(stay.time_us, np.full(120, 24.94), stay.lat))
        parts.append(drive(away, 100))
    return Points.concat(parts)


def test_the_first_day_that_can_change_still_sees_the_evening_before(tmp_path: Path) -> None:
    clock = Clock()
    points = waiting_at_midnight(7)
    is_late = np.random.default_rng(1).random(len(points)) < 0.1
    with open_context("", tmp_path, clock, retention_days=AGE) as context:
        fleet = Fleet([History(points, Thresholds(), 7, ("waiting",))])
        assert check(context, clock, fleet, FIRST + dt.timedelta(days=4), is_late).devices == 1


def nightly(days: int) -> Points:
    """A drive over every midnight, on a street."""
    return Points.concat(
        [
            drive(midnight(FIRST + dt.timedelta(days=k)) - dt.timedelta(minutes=20), 200,
                  lon=24.93, lat=60.1685)
            for k in range(1, days)
        ]
    )  # fmt: skip


@pytest.mark.slow
def test_lines_on_roads_stay_as_well(tmp_path: Path, town: Town) -> None:
    clock = Clock()
    found = Fleet([History(nightly(6), Thresholds(), 7, ("nightly",))])
    with open_context("", tmp_path, clock, engine_url="", retention_days=AGE) as context:
        town.open(context)
        is_late = np.random.default_rng(3).random(len(found[0].points)) < 0.1
        assert check(context, clock, found, FIRST + dt.timedelta(days=4), is_late).devices == 1
        lines = contents(context.store, "cached_polylines")["cached_polylines"]
        assert any(not line["is_raw"] for line in lines), "without roads this shows nothing"


def test_old_days_are_gone_and_a_journey_over_the_edge_stays_whole(
    database_url: str, tmp_path: Path
) -> None:
    clock, edge = Clock(), FIRST + dt.timedelta(days=6)
    start = midnight(FIRST) + dt.timedelta(hours=8)
    trips = [drive(start + dt.timedelta(days=k), 60) for k in range(8)]
    journey = drive(midnight(edge) - dt.timedelta(days=3, hours=2), 700, every_s=500.0)
    with open_context(database_url, tmp_path, clock, retention_days=AGE) as context:
        deliver(context.store, batch_of_device("commuter", Points.concat(trips)), now=clock())
        deliver(context.store, batch_of_device("lorry", journey), now=clock())
        run(context)
        before = contents(context.store, "tracks")["tracks"]

        report = retain(context, clock, edge)

        rows = all_rows(context.store)
        gone = midnight(edge - dt.timedelta(days=2))
        mine = {name: [r for r in rows[name] if r.get("device_id") == "commuter"] for name in rows}
        assert min(r["recorded_at"] for r in mine["gps_points"]) > gone
        assert min(r["day"] for r in mine["segments"]) == gone.date()
        assert min(r["day"] for r in mine["processing_batches"]) == edge - dt.timedelta(days=1)
        assert len(mine["tracks"]) == 4
        assert len([r for r in rows["gps_points"] if r["device_id"] == "lorry"]) == len(journey)
        (long_one,) = [
            r for r in contents(context.store, "tracks")["tracks"] if r not in before
        ] or [0]
        assert long_one == 0, "what stays is as it was"
        assert report.edge == edge
        assert report.rows["gps_points"] == 4 * 60
        assert report.devices == 2  # the lorry's oldest days can no longer change

        again = apply_retention(context)
        assert sum(again.rows.values()) == 0
        assert not any(stage.days for stage in run(context).stages), "nothing is to be done again"


def test_tracks_may_stay_when_their_points_go(database_url: str, tmp_path: Path) -> None:
    clock, edge = Clock(), FIRST + dt.timedelta(days=6)
    start = midnight(FIRST) + dt.timedelta(hours=8)
    trips = [drive(start + dt.timedelta(days=k), 60) for k in range(8)]
    with open_context(
        database_url, tmp_path, clock, retention_days=AGE, keep_tracks=True
    ) as context:
        deliver(context.store, batch_of_device("a", Points.concat(trips)), now=clock())
        run(context)
        before = contents(context.store, "tracks")
        retain(context, clock, edge)
        deliver(context.store, batch_of_device("a", trips[0]), now=clock())
        run(context, mode=RunMode.BULK)

        assert contents(context.store, "tracks") == before
        assert len(contents(context.store, "segments")["segments"]) == 4
        assert verify(context).ok


def test_points_that_are_too_old_are_refused_with_their_reason_but_not_their_place(
    database_url: str, tmp_path: Path
) -> None:
    clock, edge = Clock(), FIRST + dt.timedelta(days=6)
    old, new = midnight(FIRST) + dt.timedelta(hours=8), midnight(edge)
    with open_context(database_url, tmp_path, clock, retention_days=AGE) as context:
        deliver(context.store, batch_of_device("a", drive(old, 60)), now=clock())
        retain(context, clock, edge)
        mixed = batch_of(
            [
                ("a", to_us(old), 24.123456, 60.654321),
                ("a", to_us(new) - 1, 24.123456, 60.654321),
                ("a", to_us(new), 24.9, 60.1),
                ("b", to_us(old), 24.9, 60.1),
            ]
        )
        for refused, added in ((2, 2), (0, 0)):
            accepted = deliver(context.store, mixed, now=clock())
            assert (accepted.refused, accepted.added) == (refused, added)
        rows = all_rows(context.store)

        assert [r["reason"] for r in rows["quarantined_points"]] == ["too_old"] * 2
        assert "24.12" not in str(rows["quarantined_points"])
        assert len(rows["gps_points"]) == 2

        # what has been refused is forgotten with time, and numbers of deliveries go on
        clock.time += dt.timedelta(days=400)
        apply_retention(context, approve=clock.time.date())
        later = all_rows(context.store)
        assert later["quarantined_points"] == []
        assert later["gps_points"] == []
        assert len(later["receipts"]) == 1
        deliver(context.store, batch_of([("c", to_us(NOON), 24.9, 60.1)]), now=clock())
        assert all_rows(context.store)["receipts"][-1]["received_seq"] > len(rows["receipts"]) - 1


def test_without_the_setting_everything_is_kept(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 60)))
        before = all_rows(context.store)
        assert apply_retention(context) == RetentionReport()
        assert all_rows(context.store) == before


def test_days_that_are_still_live_cannot_be_deleted(tmp_path: Path) -> None:
    with (
        open_context("", tmp_path, retention_days=2) as context,
        pytest.raises(SettingsError, match="3 is the least"),
    ):
        apply_retention(context)
