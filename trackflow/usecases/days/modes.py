"""What a run takes; apart, so that `trackflow --help` loads no more than that."""

from enum import StrEnum


class RunMode(StrEnum):
    """Which batches a run takes."""

    INCREMENTAL = "incremental"
    BULK = "bulk"
    DAILY = "daily"
