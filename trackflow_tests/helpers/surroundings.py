"""Rows about what is around tracks: places, and stays at them."""

import datetime as dt
import uuid

import sqlalchemy as sa

from trackflow.store.places.tables import places, stays
from trackflow_tests.helpers.stores import NOON

AT = {"longitude": 24.94, "latitude": 60.17}


def add_place(connection: sa.Connection, place_id: uuid.UUID, name: str, kind: str) -> None:
    row = {
        "place_id": place_id, "name": name, "kind": kind, **AT, "radius_m": 100.0,
        "status": "confirmed", "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    connection.execute(sa.insert(places), row)


def add_stay(
    connection: sa.Connection,
    device_id: str,
    start: dt.datetime,
    end: dt.datetime | None,
    place_id: uuid.UUID,
) -> None:
    row = {"device_id": device_id, "start_time": start, "end_time": end, "place_id": place_id}
    cell = {"cell": "24.94000,60.17000"}
    connection.execute(sa.insert(stays), row | AT | cell)
