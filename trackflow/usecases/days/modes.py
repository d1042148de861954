"""Modes of a run; a module of its own, so that `trackflow --help` loads little."""

from enum import StrEnum


class RunMode(StrEnum):
    """The batches that a run takes."""

    INCREMENTAL = "incremental"
    BULK = "bulk"
    DAILY = "daily"
