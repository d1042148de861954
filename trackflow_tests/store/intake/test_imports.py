"""Undoing imports leaves what the other deliveries alone would have given."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.errors import NotFoundError, SettingsError
from trackflow.geo.time import to_us
from trackflow.sources.records import Refusal, RefusalReason
from trackflow.store.database import Store, open_store
from trackflow.store.intake import imports
from trackflow.store.intake.acceptance import accept
from trackflow.store.intake.reports import Report, accept_reports
from trackflow.store.tables import metadata, quarantined_points, replaced_points
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of,
    contents,
    deliver,
    difference,
    empty,
    settings_of,
)

DOOR = ("gps_points", "quarantined_points")
NOON_US = to_us(NOON)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(settings_of(database_url, tmp_path))
    yield store
    store.close()


type Rows = Sequence[tuple[Any, ...]]
type Delivery = tuple[str, list[Rows]]
"""How it came ("import", "delivery" or "report"), and its chunks."""

nan = st.just(math.nan)
rows = st.tuples(
    st.sampled_from(["a", "b"]),
    st.integers(0, 3).map(lambda s: NOON_US + s * 1_000_000),
    st.sampled_from([24.9, 24.95, 25.0]),
    st.sampled_from([60.1, 60.2]),
    nan,
    nan | st.sampled_from([3.0, 5.0, 8.0]),
    nan,
    nan | st.just(90.0),
)
"""Few times and places, so that nearly all of them are in conflict."""

chunks = st.lists(st.lists(rows, min_size=1, max_size=5), min_size=1, max_size=2)
deliveries = st.lists(
    st.tuples(st.sampled_from(["import", "import", "delivery", "report"]), chunks),
    min_size=1,
    max_size=5,
)


def bring(store: Store, kind: str, import_id: str, parts: list[Rows]) -> None:
    for part in parts:
        batch = batch_of(part)
        with store.write() as connection:
            if kind == "report":
                accept_reports(connection, [Report(batch, (), "phone")], NOON)
            elif kind == "delivery":
                accept(connection, batch, [], "table", NOON)
            else:
                imports.note(connection, import_id, NOON)
                accept(connection, batch, [], "file", NOON, import_id=import_id)


def undo(store: Store, import_id: str) -> imports.UndoneImport:
    with store.write() as connection:
        return imports.undo(connection, import_id, NOON)


quick = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def test_what_is_left_is_what_the_others_alone_would_have_given(store: Store) -> None:
    @settings(quick, max_examples=8 if store.is_postgresql else 40)
    @given(deliveries, st.randoms(use_true_random=False), st.data())
    def check(given_: list[Delivery], random: Random, data: st.DataObject) -> None:
        empty(store)
        named = [(f"{k:08x}", kind, parts) for k, (kind, parts) in enumerate(given_)]
        ids = [name for name, kind, _ in named if kind == "import"]
        going = data.draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []
        early = data.draw(st.integers(0, len(named)))
        for name, kind, parts in named[:early]:
            bring(store, kind, name, parts)
        brought = {name for name, _, _ in named[:early]}
        for name in [name for name in going if name in brought]:
            undo(store, name)
        for name, kind, parts in named[early:]:
            bring(store, kind, name, parts)
        late = [name for name in going if name not in brought]
        random.shuffle(late)
        for name in late:
            undo(store, name)
        found = contents(store, *DOOR, "devices")
        empty(store)
        for name, kind, parts in named:
            if name not in going:
                bring(store, kind, name, parts)
        expected = contents(store, *DOOR, "devices")
        assert not difference(found, expected)
        assert found == expected

    check()


def test_without_imports_nothing_is_kept(store: Store) -> None:
    for accuracy in (9.0, 3.0, 5.0):
        row = ("a", NOON_US, 24.9 + accuracy, 60.0, math.nan, accuracy)
        bring(store, "delivery", "", [[row, row]])
        bring(store, "report", "", [[row]])
    with store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(replaced_points)) == 0


def refusal(raw: str) -> Refusal:
    return Refusal(RefusalReason.NO_TIME, raw, "file: row 1")


def test_what_only_an_import_was_refused_goes_with_it(store: Store) -> None:
    def refuse(import_id: str, *raw: str) -> None:
        with store.write() as connection:
            if import_id:
                imports.note(connection, import_id, NOON)
            refused = [refusal(text) for text in raw]
            accept(connection, batch_of([]), refused, "file", NOON, import_id=import_id)

    def left() -> set[str]:
        with store.read() as connection:
            return set(connection.scalars(sa.select(quarantined_points.c.raw)))

    refuse("", "before")
    refuse("a", "before", "a", "both", "later")
    refuse("b", "both", "b")
    refuse("", "later")
    undo(store, "a")
    assert left() == {"before", "both", "b", "later"}
    undo(store, "b")
    assert left() == {"before", "later"}


def test_an_undone_import_takes_nothing_more_and_is_undone_once(store: Store) -> None:
    row = ("a", NOON_US, 24.9, 60.0)
    bring(store, "import", "a", [[row]])
    assert undo(store, "a").removed == 1
    again = undo(store, "a")
    assert (again.is_repeat, again.removed, again.undone_at) == (True, 0, NOON)
    with pytest.raises(SettingsError, match="was undone while"):
        bring(store, "import", "a", [[row]])
    with pytest.raises(NotFoundError, match="import list"):
        undo(store, "b")


def test_a_device_with_settings_or_points_stays(store: Store) -> None:
    d = metadata.tables["devices"]
    bring(store, "import", "a", [[(name, NOON_US, 24.9, 60.0) for name in ("own", "set", "gone")]])
    deliver(store, batch_of([("own", NOON_US + 1, 24.9, 60.0)]))
    with store.write() as connection:
        connection.execute(sa.update(d).where(d.c.device_id == "set").values(preset="phone"))
    assert list(undo(store, "a").dropped) == ["gone"]
    with store.read() as connection:
        assert set(connection.scalars(sa.select(d.c.device_id))) == {"own", "set"}


def test_the_list_says_what_there_was(store: Store) -> None:
    bring(store, "import", "a", [[("van", NOON_US, 24.9, 60.0)]])
    with store.write() as connection:
        imports.count(connection, "a", 1)
    with store.read() as connection:
        (past,) = imports.read_imports(connection)
    assert (past.files, past.devices, past.points_added) == (["file"], ["van"], 1)
