"""Sources of tracks' lines; a module of its own, so that `trackflow --help` loads little."""

from enum import StrEnum


class LineSource(StrEnum):
    """One of a track's lines."""

    MATCHED = "matched"
    RAW = "raw"
