"""The month of a vehicle as CSV: its entries; what changed after closing; what is left out."""

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from typing import Any

from trackflow.exports.mileage.lengths import KM, LengthUnit
from trackflow.mileage.entries import UNPAID, Content
from trackflow.mileage.rates import LACKS
from trackflow.mileage.report import MonthReport, ReportTrip

COLUMNS = (
    "entry_id",
    "status",
    "vehicle_id",
    "plate",
    "driver",
    "local_day",
    "start_time",
    "end_time",
    "start_place",
    "end_place",
    "stops",
    "purpose",
    "partner",
    "category",
    "distance_km",
    "odometer_start_km",
    "odometer_end_km",
    "matched_percent",
    "mode",
    "rate",
    "amount",
    "currency",
    "entry_hash",
    "unpaid",
)
AMENDMENT_COLUMNS = (
    "amendment_id",
    "entry_id",
    "name",
    "old_value",
    "new_value",
    "reason",
    "amended_by",
    "amended_at",
    "amendment_hash",
)


LEFT_OUT_COLUMNS = (
    "vehicle_id",
    "local_day",
    "start_time",
    "end_time",
    "distance_km",
    "category",
    "driver",
    "mode",
    "reason",
    "said_by",
    "device_id",
    "track_id",
)


def entries_csv(report: MonthReport) -> bytes:
    """The entries: those of a closed month give the same bytes for ever."""
    return _csv(COLUMNS, [row_of(trip) for trip in report.trips])


def amendments_csv(report: MonthReport) -> bytes:
    """A row for each value that an amendment changes."""
    rows = [
        {
            **{name: one[name] for name in AMENDMENT_COLUMNS if name in one},
            "name": name,
            "old_value": shown(old),
            "new_value": shown(new),
        }
        for one in report.amendments
        for name, (old, new) in sorted(one["changes"].items())
    ]
    return _csv(AMENDMENT_COLUMNS, rows)


def left_out_csv(report: MonthReport) -> bytes:
    """A row for each track that the book has not; of private ones the kilometres only."""
    rows = [
        {name: shown(one.get(name)) for name in LEFT_OUT_COLUMNS}
        | {"distance_km": KM.text(one["distance_m"])}
        for one in report.left_out
    ]
    return _csv(LEFT_OUT_COLUMNS, rows)


def columns_of(unit: LengthUnit) -> tuple[str, ...]:
    """`COLUMNS` with lengths in a unit."""
    return tuple(f"{name[:-2]}{unit.name}" if name.endswith("_km") else name for name in COLUMNS)


def row_of(trip: ReportTrip, unit: LengthUnit = KM) -> dict[str, str]:
    """The values of `COLUMNS` of a trip, as text."""
    content = trip.content
    permille = content.get("matched_permille")
    found = {
        **{name: content.get(name) for name in COLUMNS if name in content},
        "entry_id": trip.entry_id,
        "status": trip.status,
        "entry_hash": trip.entry_hash,
        UNPAID: unpaid(content),
        f"distance_{unit.name}": unit.text(content["distance_m"]),
        f"odometer_start_{unit.name}": unit.text(content.get("odometer_start_m")),
        f"odometer_end_{unit.name}": unit.text(content.get("odometer_end_m")),
        "matched_percent": "" if permille is None else f"{permille / 10:.1f}",
    }
    return {name: shown(value) for name, value in found.items()}


def unpaid(content: Content) -> str | None:
    """Why a trip is not paid, in words; None if it is, and if the table has no rates for it."""
    lacks = content.get(UNPAID)
    return None if lacks is None else LACKS[lacks]


def shown(value: Any) -> str:
    """A value of a book as text."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(shown(one) or "?" for one in value)
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds")
    # the writer of Python 3.12 leaves a carriage return unquoted, which readers take for a new row
    return str(value).replace("\r\n", "\n").replace("\r", "\n")


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
