"""What a person may set before starting the work on some days."""

from enum import Enum

import dagster as dg
from pydantic import Field


class BatchChoice(Enum):
    """Which device-days of the chosen partitions are worked on."""

    bulk = "bulk"
    incremental = "incremental"


class DaysConfig(dg.Config):
    """How the chosen days are worked on."""

    mode: BatchChoice = Field(
        default=BatchChoice.bulk,
        description="bulk: work on every device of the chosen days again; windows that have not "
        "changed come from the cache, so this is cheap. incremental: only what is pending, "
        "because points came in or something that it depends on has changed.",
    )
    device_id: str = Field(default="", description="Only this device. Empty: all devices.")
