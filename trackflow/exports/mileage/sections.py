"""The parts of a month's report that all formats for people share, as rows of text."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from trackflow.exports.mileage.csv import shown, unpaid
from trackflow.exports.mileage.lengths import LengthUnit
from trackflow.exports.tables.section import Section
from trackflow.mileage.entries import TRIP
from trackflow.mileage.odometer import Stretch
from trackflow.mileage.report import CategorySum, MonthReport, ReportTrip, amounts_of


def title_of(report: MonthReport) -> str:
    """The report's heading, in one line."""
    plate = f" ({report.plate})" if report.plate else ""
    return f"Logbook of {report.vehicle_id}{plate}, {report.kind}, {report.month}"


def sections_of(report: MonthReport, unit: LengthUnit) -> list[Section]:
    """All tables of a report."""
    return [
        trips("Trips", report.trips, unit),
        trips("Trips that came after closing", report.added, unit),
        sums("Sums by category", report.sums, unit),
        odometer(report, unit),
        amendments(report),
        *([amended_sums(report, unit)] if report.amendments else []),
        chain(report, unit),
    ]


def trips(title: str, found: Sequence[ReportTrip], unit: LengthUnit) -> Section:
    """Trips, in order of time."""
    return Section(
        ", ".join([title, *_zones(found)]),
        (
            "Date", "Start", "End", "From", "To", "Purpose, partner", "Category", "Driver",
            unit.name, "Odometer start", "Odometer end", "Matched %", "Amount", "Status",
        ),
        [_trip(trip, unit) for trip in found],
        (10, 7, 7, 18, 18, 18, 10, 11, 8, 10, 10, 8, 10, 7),
        frozenset({unit.name, "Odometer start", "Odometer end", "Matched %", "Amount"}),
    )  # fmt: skip


def _zones(found: Sequence[ReportTrip]) -> list[str]:
    """Whose clocks the times of trips are; a book's zone may have been changed."""
    zones = sorted({zone for trip in found if (zone := trip.content.get("zone"))})
    return [f"times of {' and '.join(zones)}"] if zones else []


def _trip(trip: ReportTrip, unit: LengthUnit) -> tuple[str, ...]:
    content = trip.content
    permille = content.get("matched_permille")
    to = [*(content.get("stops") or []), content.get("end_place")]
    is_private = content.get("start_time") is None
    return (
        shown(content["local_day"]),
        shown(content.get("start_time"))[11:16],
        shown(content.get("end_time"))[11:16],
        shown(content.get("start_place")),
        "" if is_private else shown(to) if len(to) > 1 else shown(to[0]),
        ", ".join(filter(None, [shown(content.get(name)) for name in ("purpose", "partner")])),
        shown(content.get("category")),
        shown(content.get("driver")),
        unit.text(content["distance_m"]),
        unit.text(content.get("odometer_start_m")),
        unit.text(content.get("odometer_end_m")),
        "" if permille is None else f"{permille / 10:.1f}",
        unpaid(content)
        or " ".join(filter(None, [shown(content.get(name)) for name in ("amount", "currency")])),
        trip.status,
    )


def amended_sums(report: MonthReport, unit: LengthUnit) -> Section:
    """The sums with all amendments: also of trips that came late, and of none that are gone."""
    return sums("Sums with all amendments", report.amended_sums, unit)


def sums(title: str, found: Sequence[CategorySum], unit: LengthUnit) -> Section:
    """What each category sums up to, and all of them."""
    whole_m = sum(one.distance_m for one in found)
    rows = [
        (
            one.category,
            str(one.trips),
            unit.text(one.distance_m),
            percent(one.distance_m / whole_m if whole_m else None),
            amounts(one.amounts, one.unpaid),
        )
        for one in found
    ]
    whole = amounts(amounts_of(found), sum(one.unpaid for one in found))
    total = ("All", str(sum(one.trips for one in found)), unit.text(whole_m), "", whole)
    return Section(
        title,
        ("Category", "Trips", unit.name, "Share %", "Amounts"),
        [*rows, total],
        (14, 8, 10, 10, 20),
        frozenset({"Trips", unit.name, "Share %"}),
    )


def odometer(report: MonthReport, unit: LengthUnit) -> Section:
    """What was driven between readings, and how much of it no trip explains."""
    lengths = [
        f"{name}, {unit.name}"
        for name in ("Reading", "Next reading", "Driven", "Trips", "Unexplained")
    ]
    times = tuple(f"{name} ({report.zone})" for name in ("From", "Until"))
    return Section(
        "Odometer",
        (*times, *lengths, "Drift %"),
        [_stretch(one, report, unit) for one in report.stretches],
        (16, 16, 12, 12, 12, 12, 12, 8),
        frozenset({*lengths, "Drift %"}),
        moments=frozenset(times),
    )


def _stretch(one: Stretch, report: MonthReport, unit: LengthUnit) -> tuple[str, ...]:
    return (
        _clock(one.start.read_at, report),
        _clock(one.end.read_at, report),
        unit.text(one.start.odometer_m),
        unit.text(one.end.odometer_m),
        unit.text(one.driven_m),
        unit.text(one.trips_m),
        unit.text(one.unexplained_m),
        percent(one.drift),
    )


def _clock(moment: dt.datetime, report: MonthReport) -> str:
    """A moment on the clocks of the book."""
    return f"{moment.astimezone(report.zone):%Y-%m-%d %H:%M}"


def amendments(report: MonthReport) -> Section:
    """What changed after closing: a row for each value, and one for each trip that came late.

    All that is said of such a trip is in a table of its own.
    """
    made_at = f"Made at ({report.zone})"
    return Section(
        "Amendments",
        (made_at, "By", "Reason", "Entry", "What", "Book", "Now"),
        [
            (
                _clock(dt.datetime.fromisoformat(one["amended_at"]), report),
                one["amended_by"],
                one["reason"],
                one["entry_id"] or shown(one["changes"][TRIP][1]),
                name,
                shown(old),
                shown(new),
            )
            for one in report.amendments
            for name, (old, new) in _changes(one)
        ],
        (17, 10, 20, 22, 14, 20, 20),
        moments=frozenset({made_at}),
    )


def _changes(amendment: Mapping[str, Any]) -> list[tuple[str, Sequence[Any]]]:
    changes = amendment["changes"]
    if TRIP in changes and changes[TRIP][0] is None:
        return [(TRIP, changes[TRIP])]
    return sorted((name, values) for name, values in changes.items() if name != TRIP)


def chain(report: MonthReport, unit: LengthUnit) -> Section:
    """What stands for the whole month: shares, sums, what is left out, and hashes."""
    return Section(
        "Chain and checks",
        ("What", "Value"),
        [
            (f"{unit.whole} of the book", unit.text(report.distance_m)),
            (f"{unit.whole} with all amendments", unit.text(report.amended_m)),
            (
                "Amounts with all amendments",
                amounts(report.amended_amounts, sum(one.unpaid for one in report.amended_sums)),
            ),
            ("Business share %", percent(report.business_share)),
            ("Business share with all amendments %", percent(report.amended_business_share)),
            (f"{unit.whole} that no trip explains", _unexplained(report, unit)),
            *left_out(report, unit),
            ("Hash of the month's last entry", report.last_hash or "none is closed yet"),
            ("Hash of the book", report.book_hash or "none is closed yet"),
        ],
        (12, 30),
    )


def _unexplained(report: MonthReport, unit: LengthUnit) -> str:
    return unit.text(report.unexplained_m) if report.stretches else "not known: no two readings"


def left_out(report: MonthReport, unit: LengthUnit) -> list[tuple[str, str]]:
    """How many tracks the book leaves out, and how long they are, by what that means."""
    found = []
    for text, twice in (
        ("tracks without the vehicle", False),
        ("recorded by another device", True),
    ):
        tracks, metres = report.left_out_sum(twice=twice)
        found.append((f"Left out: {text}", f"{tracks}, {unit.text(metres)} {unit.name}"))
    return found


def amounts(found: Mapping[str, Decimal], unpaid_trips: int) -> str:
    """Amounts of money with their currencies, and how many trips the rates do not pay."""
    texts = [f"{amount} {unit}" for unit, amount in sorted(found.items())]
    return ", ".join([*texts, *([f"{unpaid_trips} not paid"] if unpaid_trips else [])])


def percent(share: float | None) -> str:
    """A share in percent, with one decimal."""
    return "" if share is None else f"{share:.1%}"[:-1]
