"""The first day of the list of days in Dagster's UI: in ten years, three days are one pixel."""

import datetime as dt
from pathlib import Path

from trackflow.files import whole_file
from trackflow.settings import Settings
from trackflow.store.database import open_store
from trackflow.store.days import batch_lists


def note_first_day(settings: Settings, file: Path) -> None:
    """Write the day of the first point to a file for Dagster's programs, before they start."""
    first = _first_day(settings)
    if first is None:
        first = dt.datetime.now(dt.UTC).date()
    _write(file, first)


def move_first_day(settings: Settings, file: Path) -> bool:
    """Note an earlier first day if older points have arrived; returns whether it did.

    The new day is the first of January before them, as more old points may follow, and each change
    makes Dagster reload its definitions.
    """
    first = _first_day(settings)
    if first is None or (file.exists() and dt.date.fromisoformat(file.read_text()) <= first):
        return False
    _write(file, first.replace(month=1, day=1))
    return True


def _first_day(settings: Settings) -> dt.date | None:
    store = open_store(settings)
    try:
        with store.read() as connection:
            return batch_lists.first_day(connection)
    finally:
        store.close()


def _write(file: Path, day: dt.date) -> None:
    with whole_file(file) as new:
        new.write(day.isoformat().encode())
