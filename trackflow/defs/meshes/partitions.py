"""The partitions of meshes: one per image, by its key, and one per month for the report."""

import datetime as dt

import dagster as dg

from trackflow.defs.resources import TrackflowResource

MONTHS = dg.MonthlyPartitionsDefinition(
    start_date="2026-01-01",
    timezone="UTC",
    end_offset=1,  # this month as well: its sums so far are worth seeing
)

IMAGES_PER_RUN = 100
"""Of a backfill, at most: a run per image would spend its time on starting processes."""


def images_of(trackflow: TrackflowResource) -> dg.DynamicPartitionsDefinition:
    """The partitions of images; `images_sensor` adds and deletes them.

    Their keys are such as `inbox/hills.png`: where an image comes from and its name, no address and
    no place. Dagster knows partitions by a name alone, so it has the prefix of the assets' keys:
    another trackflow in the same Dagster has other images.
    """
    return dg.DynamicPartitionsDefinition(name="/".join([*trackflow.key_prefix, "images"]))


def name_of_images(trackflow: TrackflowResource) -> str:
    """The name of these partitions."""
    return str(images_of(trackflow).name)


def month_of(key: str) -> dt.date:
    """The month of a partition key."""
    return dt.date.fromisoformat(key)
