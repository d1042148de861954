"""The table of rates."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.mileage.rates import VEHICLE, Rate, Tier
from trackflow.store.mileage.tables import mileage_rates

r = mileage_rates.c


def read_rates(connection: Connection) -> list[Rate]:
    """All rates, by name and first day."""
    query = sa.select(mileage_rates).order_by(r.rate_id, r.valid_from)
    found = []
    for row in connection.execute(query):
        month, day = map(int, row.year_start.split("-"))
        # as they are: per vehicle; else with whose kilometres they count
        given = row.tiers if isinstance(row.tiers, dict) else {"per": VEHICLE, "tiers": row.tiers}
        tiers = tuple(
            Tier(None if limit is None else Decimal(limit), Decimal(amount))
            for limit, amount in given["tiers"]
        )
        found.append(
            Rate(
                row.rate_id,
                row.valid_from,
                row.valid_until,
                row.category,
                row.vehicle_kind,
                row.currency,
                row.unit,
                tiers,
                (month, day),
                row.source,
                given["per"],
            )
        )
    return found


def lock_rates(connection: Connection) -> None:
    """Let one of two people who replace the table wait: together they would leave both tables."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE mileage_rates IN SHARE ROW EXCLUSIVE MODE")


def replace_rates(connection: Connection, rates: Sequence[Rate]) -> None:
    """Replace the whole table, which is locked for it."""
    lock_rates(connection)
    connection.execute(sa.delete(mileage_rates))
    rows = [
        {
            "rate_id": rate.rate_id,
            "valid_from": rate.valid_from,
            "valid_until": rate.valid_until,
            "category": rate.category,
            "vehicle_kind": rate.vehicle_kind,
            "currency": rate.currency,
            "unit": rate.unit,
            "tiers": _stored_tiers(rate),
            "year_start": f"{rate.year_start[0]:02}-{rate.year_start[1]:02}",
            "source": rate.source,
        }
        for rate in rates
    ]
    if rows:
        connection.execute(sa.insert(mileage_rates), rows)


def _stored_tiers(rate: Rate) -> Any:
    """What the column `tiers` holds for a rate."""
    tiers = [
        [None if tier.up_to is None else str(tier.up_to), str(tier.amount)] for tier in rate.tiers
    ]
    return tiers if rate.per == VEHICLE else {"per": rate.per, "tiers": tiers}
