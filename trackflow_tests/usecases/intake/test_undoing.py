"""Imports of real files: tried out, made and undone; tracks are those of the other imports."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import GoneError
from trackflow.store.devices.shifting import DayRange
from trackflow.store.tables import metadata
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.devices.shifting import shift_weeks
from trackflow.usecases.intake.importing import import_paths, new_id, rehearse
from trackflow.usecases.intake.undoing import past_imports, undo_import
from trackflow.usecases.queries.tracks import read_track
from trackflow_tests.helpers.stores import NOON, contents, difference, empty, open_context

quick = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

STATE = tuple(table.name for table in metadata.sorted_tables if table.name != "road_networks")


def write(
    path: Path, start: dt.datetime, count: int, accuracy: str = "", every_s: int = 60
) -> Path:
    """A file of a drive with a bad row at its end."""
    rows = [
        f"van,{(start + dt.timedelta(minutes=k)).isoformat()},"
        f"{60.17},{24.9 + 0.005 * k + (0.001 if accuracy else 0):.4f},{accuracy}"
        for k in range(count)
    ]
    text = "\n".join(["device_id,time,lat,lon,accuracy", *rows, f"van,soon,{start.minute},24.9,"])
    path.write_text(text)
    return path


def imported(context: Context, *paths: Path) -> str:
    import_id = new_id()
    import_paths(context, paths, import_id=import_id)
    return import_id


files = st.lists(
    st.tuples(st.integers(0, 30), st.integers(2, 12), st.sampled_from(["", "5", "9"])),
    min_size=2,
    max_size=4,
)
"""First minute, minutes, accuracy: drives that overlap and say different things."""


def test_tracks_are_those_of_the_other_imports(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:

        @settings(quick, max_examples=4 if context.store.is_postgresql else 12)
        @given(files, st.data())
        def check(given_: list[tuple[int, int, str]], data: st.DataObject) -> None:
            empty(context.store)
            paths = [
                write(tmp_path / f"{k}.csv", NOON + dt.timedelta(minutes=minute), count, accuracy)
                for k, (minute, count, accuracy) in enumerate(given_)
            ]
            ids = [imported(context, path) for path in paths]
            assert not run(context).problems
            numbers = data.draw(st.permutations(range(len(ids))))
            going = numbers[: data.draw(st.integers(1, len(ids)))]
            for number in going:
                assert not undo_import(context, ids[number]).is_repeat
            assert not run(context).problems
            assert verify(context).ok
            found = contents(context.store)
            empty(context.store)
            for number, path in enumerate(paths):
                if number not in going:
                    imported(context, path)
            assert not run(context).problems
            assert not difference(found, contents(context.store))

        check()


def test_a_rehearsal_says_what_an_import_says_and_stores_nothing(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        first = write(tmp_path / "a.csv", NOON, 8)
        # its points repeat and beat those of the first one, and each other
        second = write(tmp_path / "b.csv", NOON + dt.timedelta(minutes=4), 8, "5")
        for paths in ([first], [first, second], [second, first]):
            before = contents(context.store, *STATE)
            trial = rehearse(context, paths)
            assert contents(context.store, *STATE) == before
            real = import_paths(context, paths)
            assert trial == real
            assert trial.accepted.added + trial.accepted.repeated > 0


def test_an_id_of_a_track_that_is_gone_says_so(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        import_id = imported(context, write(tmp_path / "a.csv", NOON, 10))
        run(context)
        (track,) = contents(context.store)["tracks"]
        report = undo_import(context, import_id.upper())
        assert (report.removed, list(report.dropped)) == (10, ["van"])
        run(context)
        assert contents(context.store)["tracks"] == []
        with pytest.raises(GoneError, match="not stored any more"):
            read_track(context, track["track_id"])
        assert contents(context.store, "devices")["devices"] == []
        (past,) = past_imports(context)
        assert (past.import_id, past.points_added, past.devices) == (import_id, 10, [])
        assert past.undone_at is not None


def test_points_that_were_moved_in_time_go_with_their_import(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        import_id = imported(context, write(tmp_path / "a.csv", NOON, 10))
        shift_weeks(context, "van", -1, DayRange(NOON.date(), NOON.date()))
        assert undo_import(context, import_id).removed == 10
        assert contents(context.store)["gps_points"] == []
