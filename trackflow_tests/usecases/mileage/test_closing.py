"""The closing of books on both databases: at once, killed, tampered with; and who sees what."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.errors import BadInputError, ChangedMeanwhileError, UnreadableBookError
from trackflow.exports.mileage.csv import amendments_csv, entries_csv
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.entries import PRIVATE_SHOWN
from trackflow.mileage.rates import Rate, Tier
from trackflow.store.mileage.rates import replace_rates
from trackflow.store.mileage.tables import logbook_amendments, logbook_entries, vehicles
from trackflow.store.tables import tracks
from trackflow.usecases.categories.deciding import DecisionRequest, decide
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import (
    BookCheck,
    BookTrip,
    amend_entry,
    entry_page,
    list_entries,
    read_entry,
    vehicle_named,
    verify_books,
)
from trackflow.usecases.mileage.closing import close_due, completed_books
from trackflow.usecases.mileage.rate_table import save_rates
from trackflow.usecases.mileage.reconciling import compare_month
from trackflow.usecases.mileage.reports import month_reports
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.helpers.waiting import PATIENCE_S

DAYS = 6
CLOSED = 4
"""Entries that are due on the day that the clock shows."""

RATES_OF_MARCH = """
[[rate]]
id = "own"
from = 2026-01-01
currency = "EUR"
unit = "km"
year_start = "03-04"
tiers = [{ up_to = 2, amount = 0.5 }, { amount = 0.1 }]
"""
"""Their year begins between two of the trips."""


@pytest.fixture
def context(database_url: str, tmp_path: Path, made_once: MadeOnce) -> Iterator[Context]:
    """A vehicle with a trip on each day, of which some are due; the second was private."""
    clock = Clock(NOON)  # the book sees each trip no later than it ends

    def make() -> None:
        for day in range(DAYS):
            deliver(opened.store, batch_of_device("van", drive(NOON + day * ONE_DAY, 60)))
        fleet.save_vehicle(opened, "V")
        fleet.put_device(opened, "V", "van")
        fleet.put_driver(opened, "V", "anna")
        run(opened)
        start = NOON + ONE_DAY
        private = DecisionRequest("van", start, start + ONE_DAY / 4, "private", "Doctor")
        decide(opened, private, "anna")
        follow_tracks(opened)

    with open_context(database_url, tmp_path, clock) as opened:
        made_once.bring(opened.store, make)
        clock.time = NOON + (CLOSED + 6.5) * ONE_DAY
        yield opened


def closed_numbers(context: Context) -> list[int]:
    return [one.entry.chain_no for one in list_entries(context) if one.entry.chain_no is not None]


def is_intact(context: Context) -> bool:
    return all(one.is_intact for one in verify_books(context))


def check_pages(context: Context) -> None:
    """Any page has what the whole book has, however little of it is read."""
    with context.store.read() as connection:
        book = completed_books(connection, [vehicle_named(connection, "V")])["V"]
    asked = [one for one in book if one.status != "closed" and one.needs_purpose]
    asked.sort(key=lambda one: one.entry.closes_at)
    assert said([read_entry(context, one.trip_id) for one in book]) == said(book)
    assert said(list_entries(context)) == said(list_entries(context, month="2026-03")) == said(book)
    for k in range(1, len(book) + 2):
        page = entry_page(context, limit=k)
        assert (said(page.trips), page.total) == (said(book[:k]), len(book))
        page = entry_page(context, only_needing_purpose=True, limit=k)
        assert (said(page.trips), page.total) == (said(asked[:k]), len(asked))


def said(trips: Sequence[BookTrip]) -> list[Any]:
    return [(one.trip_id, one.status, one.content) for one in trips]


def test_a_trip_that_came_late_explains_its_way_and_leaves_with_its_device(
    context: Context,
) -> None:
    save_rates(context, RATES_OF_MARCH)
    close_due(context)
    fleet.add_reading(context, "V", NOON - ONE_DAY, 1_000_000, recorded_by="anna")
    before = month_reports(context, "2026-03")[0]
    deliver(context.store, batch_of_device("van", drive(NOON + ONE_DAY / 2, 200)))
    run(context)
    follow_tracks(context)
    listed = list_entries(context)
    assert {one.status for one in listed} == {"open", "closed", "added"}
    assert all(one.content["odometer_end_m"] for one in listed if one.status == "open")
    check_pages(context)
    later = month_reports(context, "2026-03")[0]
    assert later.amended_m > before.amended_m == later.distance_m
    shown_m = 1_000_000 + later.amended_m
    fleet.add_reading(context, "V", NOON + 20 * ONE_DAY, shown_m, recorded_by="anna")
    (stretch,) = month_reports(context, "2026-03")[0].stretches
    assert (stretch.trips_m, stretch.unexplained_m) == (later.amended_m, 0)
    purge(context, "van")
    assert month_reports(context, "2026-03")[0].amended_m == 0
    assert is_intact(context)
    check_pages(context)


def test_a_trip_that_came_late_is_listed_paid_and_amended(context: Context) -> None:
    """Beside the closed book, which stays as it is byte for byte."""
    tiers = (Tier(Decimal(2), Decimal("0.50")), Tier(None, Decimal("0.10")))
    rate = Rate("own", dt.date(2026, 1, 1), None, "business", None, "EUR", "km", tiers)
    with context.store.write() as connection:
        replace_rates(connection, [rate])
    close_due(context)
    closed_rows = rows_of_closed(context)
    deliver(context.store, batch_of_device("van", drive(NOON + ONE_DAY / 2, 200)))
    run(context)
    follow_tracks(context)
    (late,) = list_entries(context, month="2026-03", only_needing_purpose=True)[:1]
    assert (late.status, late.content["amount"]) == ("added", None), "nobody said that it is paid"
    assert late in list_entries(context, vehicle_id="V")

    def amend(**values: str) -> BookTrip:
        amend_entry(context, late.trip_id, values, reason="I drove", amended_by="anna")
        return read_entry(context, late.trip_id)

    paid = amend(category="business", purpose="Smith", end_place="Smith's")
    metres = paid.content["distance_m"]
    exact = 1 + (Decimal(metres) / 1000 - 2) * Decimal("0.10")
    assert metres > 2000
    assert paid.content["amount"] == str(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))
    assert (paid.content["currency"], paid.content["rate"]) == ("EUR", "own")
    assert not paid.needs_purpose
    (report,) = month_reports(context, "2026-03")
    assert report.amended_amounts == {"EUR": Decimal(paid.content["amount"])}
    assert [trip.content["purpose"] for trip in report.added] == ["Smith"]
    follow_tracks(context, everything=True)
    assert read_entry(context, late.trip_id) == paid, "what a person amends stays"
    closed = next(one for one in list_entries(context) if one.status == "closed")
    amend_entry(context, closed.trip_id, {"category": "business"}, reason="x", amended_by="anna")
    more = Decimal(read_entry(context, closed.trip_id).content["amount"])
    km = Decimal(metres + closed.content["distance_m"]) / 1000
    year = (1 + (km - 2) * Decimal("0.10")).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert more + Decimal(paid.content["amount"]) == year, "the tiers of the year go on"

    assert amend(category="private").content["amount"] is None
    purge(context, "van")
    assert read_entry(context, late.trip_id).is_gone
    assert rows_of_closed(context) == closed_rows
    assert is_intact(context)


def rows_of_closed(context: Context) -> list[bytes]:
    """The rows of the month's CSV that never change; one for each closed entry."""
    found = entries_csv(month_reports(context, "2026-03")[0]).splitlines()
    rows = [row for row in found if b",closed," in row]
    assert len(rows) == CLOSED
    return rows


def test_two_closers_close_each_entry_once(context: Context) -> None:
    barrier = threading.Barrier(3)
    counts: list[int] = []

    def close() -> None:
        barrier.wait(PATIENCE_S)
        counts.append(close_due(context).closed)

    threads = [threading.Thread(target=close) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sum(counts) == CLOSED
    assert closed_numbers(context) == [1, 2, 3, 4]
    assert is_intact(context)


class CutOffError(Exception):
    """Stands for the end of a process in the middle of its work."""


def test_a_closing_that_ends_at_any_statement_leaves_a_whole_book(context: Context) -> None:
    engine = context.store.engine
    finished = False
    for last in range(1, 200):
        seen = 0

        def count(*_: Any, last: int = last) -> None:
            nonlocal seen
            seen += 1
            if seen == last:
                raise CutOffError

        sa.event.listen(engine, "before_cursor_execute", count)
        try:
            close_due(context)
            finished = True
        except CutOffError:
            pass
        finally:
            sa.event.remove(engine, "before_cursor_execute", count)
        assert closed_numbers(context) in ([], [1, 2, 3, 4])
        assert is_intact(context)
        if finished:
            break
    assert finished
    assert last > CLOSED
    assert closed_numbers(context) == [1, 2, 3, 4]


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from pathlib import Path
from trackflow_tests.helpers.stores import Clock, open_context
from trackflow.usecases.mileage.closing import close_due, completed_books
import datetime as dt
url, home, now = sys.argv[1:]
context = open_context(url, Path(home), Clock(dt.datetime.fromisoformat(now)))
def end(connection, cursor, statement, *rest):
    if statement.startswith("UPDATE logbook_entries"):
        os.kill(os.getpid(), signal.SIGKILL)
sa.event.listen(context.store.engine, "after_cursor_execute", end)
close_due(context)
"""


def test_a_killed_closing_is_made_up_for(context: Context, database_url: str) -> None:
    home, now = str(context.settings.home), context.clock().isoformat()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, database_url, home, now], env=os.environ, timeout=PATIENCE_S
    )
    assert killed.returncode == -signal.SIGKILL
    assert closed_numbers(context) == []
    close_due(context)
    assert closed_numbers(context) == [1, 2, 3, 4]
    assert is_intact(context)


def test_the_database_refuses_to_change_what_is_closed(context: Context) -> None:
    close_due(context)
    entry = list_entries(context)[0].entry
    amend_entry(context, entry.entry_id, {"purpose": "x"}, reason="forgotten", amended_by="anna")
    for statement in (
        sa.update(logbook_entries).values(month="2020-01"),
        sa.delete(logbook_entries),
        sa.update(logbook_amendments).values(reason="another"),
        sa.delete(logbook_amendments),
    ):
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), context.store.write() as c:
            c.execute(statement)
    assert is_intact(context)


def unguarded(context: Context, statement: Any) -> None:
    """Change what is closed, as a person with the database's file can."""
    with context.store.write() as connection:
        for table in ("logbook_entries", "logbook_amendments"):
            if context.store.is_postgresql:
                connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            else:
                for verb in ("update", "delete"):
                    connection.execute(sa.text(f"DROP TRIGGER IF EXISTS keep_{table}_{verb}"))
        connection.execute(statement)


CHANGED = (
    *(
        (name, 3)
        for name in (
            "content", "start_time", "end_time", "month", "closes_at", "closed_at", "device_key",
            "entry_id", "previous_hash", "entry_hash", "chain_no", "vehicle_id",
        )
    ),
    *((name, 5) for name in ("reason", "changes", "amended_by", "amended_at", "amendment_hash")),
)  # fmt: skip
"""Columns, each with the number of the link in which a byte of it is changed."""


def test_a_changed_byte_is_found(context: Context) -> None:
    close_due(context)
    entry = list_entries(context)[0].entry
    amend_entry(context, entry.entry_id, {"purpose": "x"}, reason="forgotten", amended_by="anna")
    assert is_intact(context)
    for name, number in CHANGED:
        table = logbook_amendments if number == 5 else logbook_entries
        chosen = table.c.chain_no == number
        with context.store.read() as connection:
            value = connection.scalar(sa.select(table.c[name]).where(chosen))
        check = after(context, sa.update(table).where(chosen).values({name: another(value)}))
        assert not check.is_intact, name
        if name not in ("chain_no", "vehicle_id"):
            assert check.faults[0].chain_no in (number, number + 1), name
    e = logbook_entries.c
    for statement in (
        sa.delete(logbook_amendments),  # the end of the chain
        sa.delete(logbook_entries).where(e.chain_no == 2),
        sa.update(logbook_entries).where(e.chain_no == 4).values(closed_at=None, chain_no=None),
    ):
        assert not after(context, statement).is_intact
    assert is_intact(context)


UNREADABLE = {
    "entries": (
        """content = replace(content, '"plate"', '"plate')""",
        "content = cast(x'7bff' || content AS TEXT)",
        "content = replace(content, 'distance_m', 'distance-m')",
        "content = replace(content, '2026-0', '2026x0')",
        "entry_id = 'zz' || substr(entry_id, 3)",
        "start_time = 'long ago'",
    ),
    "amendments": ("changes = substr(changes, 2)", "amendment_id = 'z' || substr(amendment_id, 2)"),
}
"""Changes of the third link, an entry, and of the fifth."""


def test_a_byte_that_leaves_no_value_is_named_and_others_are_told(context: Context) -> None:
    """SQLite keeps whatever is written to its file, and PostgreSQL refuses what is no value."""
    if context.store.is_postgresql:
        pytest.skip("PostgreSQL stores no such values")
    close_due(context)
    entry = list_entries(context)[0].entry
    amend_entry(context, entry.entry_id, {"purpose": "x"}, reason="forgotten", amended_by="anna")
    cases = [(table, change) for table, changes in UNREADABLE.items() for change in changes]
    refused = set()
    for table, change in cases:
        number = {"entries": 3, "amendments": 5}[table]
        statement = f"UPDATE logbook_{table} SET {change} WHERE chain_no = {number}"
        with context.store.rehearsed() as store:
            changed = Context(context.settings, store, context.clock)
            unguarded(changed, sa.text(statement))
            (check,) = verify_books(changed, "V")
            assert [fault.chain_no for fault in check.faults] == [number], statement
            assert check.links == 5
            try:
                month_reports(changed, "2026-03")
            except UnreadableBookError:
                refused.add(change)
    assert refused == {change for _, change in cases}
    assert is_intact(context)


def test_a_book_without_its_vehicle_is_found(context: Context) -> None:
    close_due(context)
    for statement, names in (
        (sa.delete(vehicles), ["V"]),
        (sa.update(vehicles).values(vehicle_id="W"), ["W", "V"]),
        (sa.update(vehicles).values(chain_length=2), ["V"]),
    ):
        with context.store.rehearsed() as store:
            changed = Context(context.settings, store, context.clock)
            unguarded(changed, statement)
            checks = verify_books(changed)
            assert [one.vehicle_id for one in checks] == names, statement
            assert not any(one.is_intact for one in checks)


def after(context: Context, statement: Any) -> BookCheck:
    """What verifying says after a change, which is taken back."""
    with context.store.rehearsed() as store:
        changed = Context(context.settings, store, context.clock)
        unguarded(changed, statement)
        return verify_books(changed, "V")[0]


def another(value: Any) -> Any:
    """Nearly the same value."""
    match value:
        case dict():
            return value | {"distance_m": 1}
        case dt.datetime():
            return value + dt.timedelta(microseconds=1)
        case int():
            return value + 10
        case str():
            return value[:-1] + ("0" if value[-1] != "0" else "1")
    return value.__class__(int=value.int ^ 1)


def test_sums_differ_wherever_a_row_was_changed(context: Context) -> None:
    """Also where no chain sees it: in an entry that is open, or in a track."""
    close_due(context)
    assert differences_after(context, None) == 0
    e, t = logbook_entries.c, tracks.c
    for is_closed in (True, False):
        entry = next(one.entry for one in list_entries(context) if one.is_closed == is_closed)
        mine = e.entry_id == entry.entry_id
        for changed in (
            sa.update(logbook_entries).where(mine).values(month="2026-02"),
            sa.update(logbook_entries).where(mine).values(content=another(entry.content)),
            sa.update(logbook_entries)
            .where(mine)
            .values(content=entry.content | {"category": "race"}),
            sa.delete(logbook_entries).where(mine),
            sa.update(tracks).where(t.start_time == entry.start_time).values(distance_m=1.0),
            sa.delete(tracks).where(t.start_time == entry.start_time),
        ):
            assert differences_after(context, changed) == 1, changed
    assert differences_after(context, None) == 0


def differences_after(context: Context, statement: Any) -> int:
    """How many differences a month has after a change, which is taken back."""
    with context.store.rehearsed() as store:
        changed = Context(context.settings, store, context.clock)
        if statement is not None:
            unguarded(changed, statement)
        (sums,) = compare_month(changed, "2026-03")
        assert sums.book_m > 0
        return len(sums.differences)


def test_a_chain_that_was_cut_off_is_a_fault_and_a_day_that_waits_is_none(
    context: Context,
) -> None:
    close_due(context)
    fleet.save_vehicle(context, "W")
    deliver(context.store, batch_of_device("other", drive(NOON, 60)))
    fleet.put_device(context, "W", "other")
    run(context)
    checks = verify_books(context)
    assert [(one.vehicle_id, one.is_intact, one.waiting_days) for one in checks] == [
        ("V", True, 0),
        ("W", True, 1),
    ]
    follow_tracks(context)
    assert sum(one.waiting_days for one in verify_books(context)) == 0
    cut = sa.delete(logbook_entries).where(logbook_entries.c.chain_no >= CLOSED - 1)
    (fault,) = after(context, cut).faults
    assert (fault.chain_no, fault.kind) == (CLOSED - 1, "end")


def test_trips_that_are_still_to_be_driven_stay_open(context: Context) -> None:
    """However early all others are closed."""
    assert close_due(context, until=NOON + 10_000 * ONE_DAY).closed == DAYS
    start = context.clock() + ONE_DAY / 24
    deliver(context.store, batch_of_device("van", drive(start, 60)), now=start + ONE_DAY)
    run(context)
    follow_tracks(context)
    last = list_entries(context)[-1]
    assert (last.entry.start_time, last.entry.closed_at) == (start, None)
    assert is_intact(context)


def test_of_a_private_trip_others_see_kilometres_only(context: Context) -> None:
    close_due(context)
    private = list_entries(context)[1].entry
    assert private.content["purpose"] == "Doctor"
    new = {"purpose": "Clinic", "start_place": "Home"}
    amend_entry(context, private.entry_id, new, reason="Clinic, not doctor", amended_by="anna")
    (report,) = month_reports(context, "2026-03")
    text = entries_csv(report) + amendments_csv(report)
    assert b"Doctor" not in text
    assert b"Clinic" not in text
    hidden = report.trips[1].content
    assert {name for name, value in hidden.items() if value is not None} <= PRIVATE_SHOWN
    assert hidden["distance_m"] == private.content["distance_m"]
    (own,) = month_reports(context, "2026-03", reader="anna")
    assert b"Doctor" in entries_csv(own)
    assert b"Clinic" in amendments_csv(own)


def test_what_a_person_amends_stays(context: Context) -> None:
    close_due(context)
    entry = list_entries(context)[0].entry
    with pytest.raises(BadInputError):
        amend_entry(context, entry.entry_id, {"distance_m": "1"}, reason="x", amended_by="anna")
    with pytest.raises(BadInputError):
        amend_entry(context, entry.entry_id, {"purpose": "x"}, reason=" ", amended_by="anna")
    amend_entry(context, entry.entry_id, {"purpose": "Fair"}, reason="late", amended_by="anna")
    for seen in ({"purpose": None}, {"category": "private", "purpose": "Fair"}):
        said = {"reason": "x", "amended_by": "bo", "made_from": seen}
        with pytest.raises(ChangedMeanwhileError):  # another tab that has not seen it
            amend_entry(context, entry.entry_id, {"purpose": "Lunch"}, **said)
    with pytest.raises(BadInputError, match="anna is said to drive V"):
        fleet.put_driver(context, "V", "bo")
    with pytest.raises(ChangedMeanwhileError):
        save_rates(context, RATES_OF_MARCH, made_from=RATES_OF_MARCH.replace("0.5", "0.6"))
    decide(context, DecisionRequest("van", NOON, NOON + ONE_DAY / 4, "business", "Other"), "anna")
    follow_tracks(context)
    follow_tracks(context, everything=True)
    first = list_entries(context)[0]
    assert first.content["purpose"] == "Fair"
    assert first.content["category"] == "business"
    assert len(first.amendments) == 2
    assert first.entry.content == entry.content
    with context.store.read() as connection:
        assert connection.scalar(sa.select(vehicles.c.chain_length)) == CLOSED + 2
