"""Reports in one transaction leave what the same reports leave one after another."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.geo.time import day_of_index, to_us
from trackflow.sources.records import Refusal, RefusalReason
from trackflow.store.database import Store, open_store
from trackflow.store.intake.acceptance import DeliveryCounts, accept
from trackflow.store.intake.reports import (
    Report,
    UnusualError,
    accept_reports,
    accept_usual,
)
from trackflow.store.tables import devices, receipts
from trackflow_tests.helpers.stores import NOON, batch_of, contents, empty, generations, settings_of

SECOND = 1_000_000
NOON_US = to_us(NOON)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(settings_of(database_url, tmp_path))
    yield opened
    opened.close()


nan = st.just(float("nan"))
points = st.tuples(
    st.sampled_from(["a", "b", "ö'\"\\"]),
    st.integers(0, 5).map(lambda k: NOON_US + k * 11 * 3600 * SECOND),
    st.sampled_from([24.9, 24.95, -0.0, 0.0]),
    st.sampled_from([60.1, 60.2]),
    nan | st.just(7.0),
    nan | st.sampled_from([3.0, 5.0]),
)
refusals = st.builds(
    Refusal, st.just(RefusalReason.NO_TIME), st.sampled_from(["x", "y"]), st.just("body"), st.none()
)
reports = st.builds(
    lambda rows, refused, source: Report(batch_of(rows), refused, source),
    st.lists(points, max_size=4),
    st.lists(refusals, max_size=1) | st.just([]),
    st.sampled_from(["owntracks", "overland"]),
)


def stored(store: Store) -> tuple[object, object]:
    return contents(store), set(generations(store))


def accept_live(store: Store, group: list[Report]) -> list[DeliveryCounts]:
    """As a live service does: what is not the usual leaves nothing, and takes the other way."""
    before = contents(store)
    try:
        with store.write() as connection:
            return accept_usual(connection, group, NOON)
    except UnusualError:
        assert contents(store) == before
    with store.write() as connection:
        return accept_reports(connection, group, NOON)


def test_together_and_one_by_one_leave_the_same(store: Store) -> None:
    quick = settings(
        deadline=None,
        max_examples=8 if store.is_postgresql else 40,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )

    @quick
    @given(st.lists(reports, max_size=6), st.lists(reports, min_size=1, max_size=8))
    def check(earlier: list[Report], together: list[Report]) -> None:
        empty(store)
        for report in (*earlier, *together):
            with store.write() as connection:
                accept(connection, report.points, report.refused, report.source, NOON)
        expected = stored(store)
        empty(store)
        for group in (earlier, together):
            accepted = accept_live(store, group)
            for report, one in zip(group, accepted, strict=True):
                assert one.added + one.repeated + one.too_old <= len(report.points)
        assert stored(store) == expected
        before = generations(store)
        again = accept_live(store, together)
        assert [one.added for one in again] == [0] * len(together)
        assert [one.repeated for one in again] == [len(report.points) for report in together]
        assert stored(store) == expected
        assert generations(store) == before, "a repeat marks nothing"

    check()


def test_usual_reports_take_five_statements(store: Store) -> None:
    known = [(name, NOON_US, 24.9, 60.1) for name in "abc"]
    accept_live(store, [Report(batch_of(known), source="owntracks")])
    later = [(name, NOON_US + SECOND, 24.9, 60.1) for name in "abc"]
    asked: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    with store.write() as connection:
        reports = [Report(batch_of([row]), source="owntracks") for row in later]
        assert [one.added for one in accept_usual(connection, reports, NOON)] == [1, 1, 1]
    assert len(asked) <= 5


@pytest.mark.parametrize(
    "row",
    [
        ("new", NOON_US + SECOND, 24.9, 60.1),
        ("a", NOON_US, 24.9, 60.1),
        ("a", NOON_US, 24.95, 60.1),
        ("a", to_us(NOON.replace(year=1999)), 24.9, 60.1),
    ],
    ids=["a new device", "a repeat", "a contradiction", "a month without a table"],
)
def test_what_is_not_usual_is_said_to_be(store: Store, row: tuple[str, int, float, float]) -> None:
    accept_live(store, [Report(batch_of([("a", NOON_US, 24.9, 60.1)]), source="owntracks")])
    if row[1] < NOON_US and not store.is_postgresql:
        return  # there are no months
    with pytest.raises(UnusualError), store.write() as connection:
        accept_usual(connection, [Report(batch_of([row]), source="owntracks")], NOON)


def test_what_is_new_marks_its_day_and_what_its_rules_reach(store: Store) -> None:
    """As often and as far as by `accept`: the generations are the same, too."""
    day = 86_400 * SECOND
    parts = [
        [("a", NOON_US + k * day + offset, 1.0, 1.0) for offset in (0, 11 * 3600 * SECOND)]
        for k in range(3)
    ]
    marked = []
    for together in (False, True):
        empty(store)
        for part in parts:
            report = Report(batch_of(part), (), "test")
            with store.write() as connection:
                if together:
                    accept_reports(connection, [report], NOON)
                else:
                    accept(connection, report.points, (), "test", NOON)
        marked.append(generations(store))
    assert marked[0] == marked[1]
    assert len(marked[0]) == 3


def test_points_of_one_source_share_a_receipt(store: Store) -> None:
    group = [
        Report(batch_of([(name, NOON_US, 1.0, 1.0)]), (), source)
        for name, source in (("a", "x"), ("b", "x"), ("c", "y"))
    ]
    with store.write() as connection:
        accept_reports(connection, group, NOON)
    with store.read() as connection:
        sources = connection.scalars(sa.select(receipts.c.source).order_by(receipts.c.source))
        assert list(sources) == ["x", "y"]


def test_too_old_points_are_refused(store: Store) -> None:
    report = Report(batch_of([("a", NOON_US, 1.0, 1.0)]), (), "test")
    with store.write() as connection:
        accept_reports(connection, [report], NOON)
        connection.execute(
            sa.update(devices).values(kept_from=day_of_index(NOON_US // (86_400 * SECOND)))
        )
    older = Report(batch_of([("a", NOON_US - 86_400 * SECOND, 1.0, 1.0)]), (), "test")
    with store.write() as connection:
        (accepted,) = accept_reports(connection, [older], NOON)
    assert accepted == DeliveryCounts(refused=1, too_old=1)


def test_thousands_of_devices_and_days(store: Store) -> None:
    rows = [(f"d{k}", NOON_US + k * 86_400 * SECOND, 1.0, 1.0, np.nan) for k in range(3_000)]
    with store.write() as connection:
        (accepted,) = accept_reports(connection, [Report(batch_of(rows), (), "test")], NOON)
    assert accepted == DeliveryCounts(added=3_000)
    assert len(generations(store)) == 3_000
