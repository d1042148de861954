"""A device under another name, or two made one: as if all had come in under that name."""

import math
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import to_us
from trackflow.sources.records import PointBatch
from trackflow.store.access import tokens
from trackflow.store.days import track_ids
from trackflow.store.devices import moving
from trackflow.store.intake import acceptance, imports
from trackflow.store.service_tables import access_tokens
from trackflow.store.tables import devices, gps_points, metadata, replaced_points
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.devices.renaming import merge, preview_merge, rename
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    empty,
    open_context,
)

quick = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

rows = st.tuples(
    st.sampled_from(["from", "into"]),
    st.integers(0, 5),
    st.integers(0, 2),
    st.sampled_from([math.nan, 3.0, 8.0]),
    st.sampled_from(["", "0000000a", "0000000b"]),
)
"""Device, minute, place, accuracy, import."""


def bring(context: Context, batch: PointBatch, import_id: str) -> None:
    with context.store.write() as connection:
        if import_id:
            imports.note(connection, import_id, NOON)
        acceptance.accept(connection, batch, [], "test", NOON, import_id=import_id)


def point(device: str, minute: int, place: int, accuracy_m: float) -> tuple[Any, ...]:
    time_us = to_us(NOON) + minute * 60_000_000
    return device, time_us, 24.9 + 0.005 * (minute + place), 60.17, math.nan, accuracy_m


def made(context: Context) -> dict[str, list[dict[str, Any]]]:
    assert not run(context).problems
    return contents(context.store)


@pytest.mark.parametrize("verb", ["merge", "rename"])
def test_it_is_as_if_all_had_come_in_under_the_name(
    database_url: str, tmp_path: Path, verb: str
) -> None:
    with open_context(database_url, tmp_path) as context:

        @settings(quick, max_examples=4 if context.store.is_postgresql else 15)
        @given(st.lists(rows, min_size=1, max_size=16), st.sampled_from(["", "0000000a"]))
        def check(given_: list[tuple[Any, ...]], undone: str) -> None:
            if verb == "rename":
                given_ = [("from", *rest) for _, *rest in given_]
            empty(context.store)
            for *told, import_id in [*given_, ("from", 0, 0, math.nan, "")]:
                bring(context, batch_of([point(*told)]), import_id)
            bring(
                context, batch_of([point("into", 6, 0, math.nan)]), ""
            ) if verb == "merge" else None
            made(context)
            if verb == "merge":
                times = {row[1] for row in given_ if row[0] == "from"} | {0}
                theirs = {row[1] for row in given_ if row[0] == "into"} | {6}
                preview = preview_merge(context, "from", "into")
                assert (preview.points, preview.shared_moments) == (
                    len(times),
                    len(times & theirs),
                )
                assert merge(context, "from", "into").points == preview.points
            else:
                rename(context, "from", "into")
            if undone and any(row[-1] == undone for row in given_):
                with context.store.write() as connection:
                    imports.undo(connection, undone, NOON)
            found = made(context)
            assert verify(context).ok
            empty(context.store)
            for _, *told, import_id in [*given_, ("from", 0, 0, math.nan, "")]:
                if not undone or import_id != undone:
                    bring(context, batch_of([point("into", *told)]), import_id)
            bring(
                context, batch_of([point("into", 6, 0, math.nan)]), ""
            ) if verb == "merge" else None
            expected = made(context)
            assert not difference(found, expected)

        check()


def test_settings_tokens_and_ids_go_along(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("old", drive(NOON, 200)))
        with context.store.write() as connection:
            tokens.create(connection, "phone", tokens.Scope.INGEST, "old", NOON)
            connection.execute(sa.update(devices).values(profile="foot", preset="phone"))
        (track,) = made(context)["tracks"]
        rename(context, "old", "new")
        made(context)
        with context.store.read() as connection:
            assert list(connection.scalars(sa.select(access_tokens.c.device_id))) == ["new"]
            assert connection.execute(
                sa.select(devices.c.device_id, devices.c.profile, devices.c.preset)
            ).all() == [("new", "foot", "phone")]
            heir = track_ids.resolve(connection, track["track_id"])
            t = metadata.tables["tracks"].c
            assert connection.scalar(sa.select(t.device_id).where(t.track_id == heir)) == "new"
            for table in metadata.tables.values():
                if "device_id" in table.c:
                    left = sa.select(sa.func.count()).where(table.c.device_id == "old")
                    assert connection.scalar(left) == 0, table.name
        rename(context, "new", "old")
        assert [row["track_id"] for row in made(context)["tracks"]] == [track["track_id"]]


def test_what_cannot_be_is_refused_and_nothing_moves(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        for name in ("a", "b c's", "kept"):
            deliver(context.store, batch_of_device(name, drive(NOON, 20)))
        with context.store.write() as connection:
            kept = sa.update(devices).where(devices.c.device_id == "kept")
            connection.execute(kept.values(kept_from=NOON.date().replace(year=2027)))
        before = contents(context.store)
        for verb, old, new, says in (
            (rename, "nobody", "c", "no device"),
            (rename, "a", "b c's", "device merge a 'b c'\"'\"'s'"),
            (rename, "a", "a", "is called 'a' already"),
            (rename, "a", "", "1 to 200"),
            (rename, "a", "x\n", "1 to 200"),
            (rename, "kept", "c", "no longer kept"),
            (merge, "a", "nobody", "no device"),
            (merge, "a", "a", "with itself"),
            (merge, "a", "kept", "would be lost"),
            (preview_merge, "a", "nobody", "no device"),
            (preview_merge, "a", "kept", "would be lost"),
        ):
            with pytest.raises(SettingsError, match=says):
                verb(context, old, new)
        assert contents(context.store) == before


def test_points_move_chunk_by_chunk_and_none_is_left_or_doubled(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "CHUNK", 2)
    same_moment = [(5, place, 3.0, one) for place in range(3) for one in ("0000000a", "0000000b")]
    told = [*same_moment, *((minute, 0, 8.0, "") for minute in range(5))]
    with open_context(database_url, tmp_path) as context:
        for minute, place, accuracy_m, import_id in told:
            bring(context, batch_of([point("from", minute, place, accuracy_m)]), import_id)
        before = by_time(context)
        assert [len(rows) for rows in before] == [6, 5]
        assert rename(context, "from", "into").points == 6
        assert by_time(context) == before


def by_time(context: Context) -> list[list[tuple[Any, ...]]]:
    """Points, and those that they replaced."""
    with context.store.read() as connection:
        return [
            sorted(
                tuple(row)
                for row in connection.execute(
                    sa.select(table.c.recorded_at, table.c.longitude, table.c.accuracy_m)
                )
            )
            for table in (gps_points, replaced_points)
        ]
