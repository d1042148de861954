"""A store with rows in every table, for tests of what goes through all of them."""

import datetime as dt
import re
import uuid
from collections.abc import Container
from typing import Any

import numpy as np
import sqlalchemy as sa

from trackflow.matching.coverage import Coverage
from trackflow.store import months
from trackflow.store.database import Store
from trackflow.store.tables import metadata
from trackflow.store.types import UtcTime
from trackflow_tests.helpers.stores import NOON

CHOSEN = {
    ("vehicles", "time_zone"): "Europe/Helsinki",
    ("logbook_entries", "month"): "2026-03",
    ("logbook_entries", "content"): {
        "local_day": "2026-03-02",
        "start_time": "2026-03-02T14:00:00+02:00",
        "end_time": "2026-03-02T14:30:00+02:00",
        "distance_m": 12_345,
    },
    ("jobs", "status"): "completed",
    ("processing_batches", "status"): "completed",
    ("access_tokens", "scope"): "ingest",
    ("followed_tables", "missing_ids"): [3, 7],
    ("jobs", "result"): {"days": 3, "share": 0.1},
    ("mileage_rates", "unit"): "mi",
    ("mileage_rates", "year_start"): "04-06",
    ("mileage_rates", "tiers"): [["10000", "0.45"], [None, "0.25"]],
    ("road_networks", "coverage"): Coverage.of(np.array([24.9]), np.array([60.1])).to_bytes(),
}
ABOUT_A_DEVICE = {
    ("receipts", "source"): "{}.gpx",
    ("inbox_files", "path"): "drives/{}.gpx",
    ("inbox_files", "error"): "{}.gpx: not whole",
    ("jobs", "parameters"): {"device": "{}", "from": "2026-03-02"},
    ("access_tokens", "name"): "phone of {}",
    ("quarantined_points", "raw"): "{},nonsense",
    ("gps_points", "source"): "{}.gpx",
}


def fill(
    store: Store, device_id: str, number: int, names: Container[str] = metadata.tables
) -> None:
    """Add rows to tables, to every one by default; their values make no sense together.

    Args:
        store: where.
        device_id: of the rows that have one.
        number: rows of another number are other rows.
        names: of the tables. Those of devices get two rows, the others one.
    """
    with store.write() as connection:
        for table in metadata.sorted_tables:
            if table.name not in names:
                continue
            for k in range(2 if "device_id" in table.c and table.name != "devices" else 1):
                row = {
                    column.name: _value(table.name, column, device_id, number * 10 + k)
                    for column in table.columns
                    if (table.name, column.name) != ("receipts", "received_seq")
                }
                if table in months.PARTITIONED:
                    day = row[months.column_of(table).name].date()
                    months.make(connection, table, [day.replace(day=1)])
                connection.execute(sa.insert(table), row)


def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    with store.read() as connection:
        return {
            name: [
                dict(row)
                for row in connection.execute(
                    sa.select(table).order_by(*table.primary_key.columns)
                ).mappings()
            ]
            for name, table in metadata.tables.items()
        }


def _value(table: str, column: "sa.Column[Any]", device_id: str, number: int) -> Any:
    key = table, column.name
    if column.name == "device_id":
        return device_id
    if key in CHOSEN:
        return CHOSEN[key]
    if key in ABOUT_A_DEVICE:
        template = ABOUT_A_DEVICE[key]
        if isinstance(template, dict):
            return {name: value.format(device_id) for name, value in template.items()}
        return template.format(device_id)
    if isinstance(column.type, sa.Uuid):
        of_track = column.name == "track_id"
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{'tracks' if of_track else table}/{number}")
    return _by_type(column, number)


def _by_type(column: "sa.Column[Any]", number: int) -> Any:
    match column.type:
        case UtcTime():
            return NOON + dt.timedelta(hours=number, microseconds=123456)
        case sa.Double():
            return 0.1 + number
        case sa.Boolean():
            return bool(number % 2)
        case sa.Date():
            return NOON.date() + dt.timedelta(days=number)
        case sa.LargeBinary():
            return f"blob-{column.name}-{number}\0".encode()
        case sa.Integer():
            return number
        case sa.JSON():
            return {"number": number}
    return _allowed(column) or f"{column.name}-{number}-ä"


def _allowed(column: "sa.Column[Any]") -> str:
    """One of the few values that a constraint leaves a column, if there is one."""
    for check in column.table.constraints:
        if isinstance(check, sa.CheckConstraint):
            found = re.search(rf"\b{column.name} IN \('(\w+)'", str(check.sqltext))
            if found:
                return found[1]
    return ""
