"""With which day the list of days in Dagster's UI begins."""

import datetime as dt
from pathlib import Path

from trackflow.settings import Settings
from trackflow.store import batches
from trackflow.store.database import open_store


def note_first_day(settings: Settings, file: Path) -> bool:
    """Write the first day down for Dagster's programs; whether it is another one than before.

    It is the first of January before the first point: among ten years, three days are one pixel,
    and points that come in late seldom move it.
    """
    store = open_store(settings)
    try:
        with store.read() as connection:
            first = batches.first_day(connection)
    finally:
        store.close()
    text = (first or dt.datetime.now(dt.UTC).date()).replace(month=1, day=1).isoformat()
    if file.exists() and file.read_text() == text:
        return False
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)
    return True
