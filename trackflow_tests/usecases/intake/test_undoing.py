"""Imports of real files: tried out, made and undone; tracks are those of the other imports."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Work
from trackflow.errors import GoneError
from trackflow.store.devices.shifting import Days
from trackflow.store.tables import metadata
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.devices.shifting import shift_weeks
from trackflow.usecases.intake.importing import import_paths, new_id, rehearse
from trackflow.usecases.intake.undoing import past_imports, undo_import
from trackflow.usecases.queries.tracks import read_track
from trackflow_tests.stores import NOON, contents, difference, empty, open_work

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


def imported(work: Work, *paths: Path) -> str:
    import_id = new_id()
    import_paths(work, paths, import_id=import_id)
    return import_id


files = st.lists(
    st.tuples(st.integers(0, 30), st.integers(2, 12), st.sampled_from(["", "5", "9"])),
    min_size=2,
    max_size=4,
)
"""First minute, minutes, accuracy: drives that overlap and say different things."""


def test_tracks_are_those_of_the_other_imports(database_url: str, tmp_path: Path) -> None:
    with open_work(database_url, tmp_path) as work:

        @settings(quick, max_examples=4 if work.store.is_postgresql else 12)
        @given(files, st.data())
        def check(given_: list[tuple[int, int, str]], data: st.DataObject) -> None:
            empty(work.store)
            paths = [
                write(tmp_path / f"{k}.csv", NOON + dt.timedelta(minutes=minute), count, accuracy)
                for k, (minute, count, accuracy) in enumerate(given_)
            ]
            ids = [imported(work, path) for path in paths]
            assert not run(work).problems
            numbers = data.draw(st.permutations(range(len(ids))))
            going = numbers[: data.draw(st.integers(1, len(ids)))]
            for number in going:
                assert not undo_import(work, ids[number]).is_repeat
            assert not run(work).problems
            assert verify(work).ok
            found = contents(work.store)
            empty(work.store)
            for number, path in enumerate(paths):
                if number not in going:
                    imported(work, path)
            assert not run(work).problems
            assert not difference(found, contents(work.store))

        check()


def test_a_rehearsal_says_what_an_import_says_and_stores_nothing(
    database_url: str, tmp_path: Path
) -> None:
    with open_work(database_url, tmp_path) as work:
        first = write(tmp_path / "a.csv", NOON, 8)
        # its points repeat and beat those of the first one, and each other
        second = write(tmp_path / "b.csv", NOON + dt.timedelta(minutes=4), 8, "5")
        for paths in ([first], [first, second], [second, first]):
            before = contents(work.store, *STATE)
            trial = rehearse(work, paths)
            assert contents(work.store, *STATE) == before
            real = import_paths(work, paths)
            assert trial == real
            assert trial.accepted.added + trial.accepted.repeated > 0


def test_an_id_of_a_track_that_is_gone_says_so(tmp_path: Path) -> None:
    with open_work("", tmp_path) as work:
        import_id = imported(work, write(tmp_path / "a.csv", NOON, 10))
        run(work)
        (track,) = contents(work.store)["tracks"]
        report = undo_import(work, import_id.upper())
        assert (report.removed, list(report.dropped)) == (10, ["van"])
        run(work)
        assert contents(work.store)["tracks"] == []
        with pytest.raises(GoneError, match="not stored any more"):
            read_track(work, track["track_id"])
        assert contents(work.store, "devices")["devices"] == []
        (past,) = past_imports(work)
        assert (past.import_id, past.points_added, past.devices) == (import_id, 10, [])
        assert past.undone_at is not None


def test_points_that_were_moved_in_time_go_with_their_import(tmp_path: Path) -> None:
    with open_work("", tmp_path) as work:
        import_id = imported(work, write(tmp_path / "a.csv", NOON, 10))
        shift_weeks(work, "van", -1, Days(NOON.date(), NOON.date()))
        assert undo_import(work, import_id).removed == 10
        assert contents(work.store)["gps_points"] == []
