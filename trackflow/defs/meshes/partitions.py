"""The partitions of meshes: one per image, by its key, and one per month for the report."""

import datetime as dt

import dagster as dg

IMAGES = dg.DynamicPartitionsDefinition(name="images")
"""Keys such as `inbox/hills.png`: where an image comes from and its name, no address and no place.
`images_sensor` adds and deletes them."""

MONTHS = dg.MonthlyPartitionsDefinition(
    start_date="2026-01-01",
    timezone="UTC",
    end_offset=1,  # this month as well: its sums so far are worth seeing
)

IMAGES_PER_RUN = 100
"""Of a backfill, at most: a run per image would spend its time on starting processes."""


def month_of(key: str) -> dt.date:
    """The month of a partition key."""
    return dt.date.fromisoformat(key)
