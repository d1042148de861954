"""Which lines of tracks are meant; apart, so that `trackflow --help` loads no more than that."""

from enum import StrEnum


class LineSource(StrEnum):
    """Which of a track's lines is meant."""

    MATCHED = "matched"
    RAW = "raw"
