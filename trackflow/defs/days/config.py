"""The launchpad's configuration of runs over days."""

from enum import Enum

import dagster as dg
from pydantic import Field


class BatchChoice(Enum):
    """The device-days of the chosen partitions to process."""

    bulk = "bulk"
    incremental = "incremental"


class DaysConfig(dg.Config):
    """The way to process the chosen days."""

    mode: BatchChoice = Field(
        default=BatchChoice.bulk,
        description="bulk: process every device of the chosen days again; windows that have not "
        "changed come from the cache, so this is cheap. incremental: only pending days, "
        "whose points or other inputs have changed.",
    )
    device_id: str = Field(default="", description="Only this device. Empty: all devices.")
