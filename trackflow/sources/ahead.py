"""Positions that lie in the future: kept whole, as this machine's clock may be wrong.

A machine without a battery starts in 1970 or where it was switched off, and every position of now
seems to lie ahead. Such positions are refused, as a device's own clock may be wrong just as well;
but where the machine is known to be behind, they are admitted as soon as its clock is right.
"""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import orjson

from trackflow.sources.records import FUTURE_SLACK_US, PointBatch

CLOCK_BEHIND = "clock_behind"
"""Reason of a position that was refused while this machine's clock was known to be behind."""

LAST_US = 4_102_444_800_000_000
"""The year 2100: a later time is no time, at any setting of this machine's clock."""

WRITTEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""A clock before this is behind: this program had not been written."""

_NUMBERS = ("altitude_m", "accuracy_m", "speed_ms", "course_deg")


def lies_ahead(time_us: int, now_us: int) -> bool:
    """Whether a position is later than any that is admitted, and not absurdly late."""
    return now_us + FUTURE_SLACK_US < time_us < LAST_US


def is_due(time_us: int, now_us: int) -> bool:
    """Whether a position that lay in the future can be admitted now."""
    return time_us <= now_us + FUTURE_SLACK_US


def clock_is_behind(now: dt.datetime, witnesses: Sequence[dt.datetime | None]) -> bool:
    """Whether this machine's clock is behind, by the moments that its store has seen.

    Args:
        now: by this machine's clock.
        witnesses: moments that are past: when the newest delivery was received, and the newest
            day that several days of devices bear out. One alone may have been wrong itself; None
            where there is none.
    """
    slack = dt.timedelta(microseconds=FUTURE_SLACK_US)
    return now < WRITTEN or all(moment is not None and moment > now + slack for moment in witnesses)


def whole(batch: PointBatch, row: int) -> str:
    """A position as text that `position` reads again: a flat record, as in JSON files."""
    record: dict[str, object] = {
        "device_id": batch.devices[batch.device[row]],
        "time_us": int(batch.time_us[row]),
        "longitude": float(batch.lon[row]),
        "latitude": float(batch.lat[row]),
    }
    for name in _NUMBERS:
        value = float(getattr(batch, name)[row])
        if value == value:
            record[name] = value
    return orjson.dumps(record).decode()


def positions(texts: Sequence[str]) -> PointBatch:
    """What `whole` wrote."""
    records = [orjson.loads(text) for text in texts]
    names = tuple(dict.fromkeys(record["device_id"] for record in records))
    code_of = {name: code for code, name in enumerate(names)}

    def column(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([record.get(name, np.nan) for record in records], np.float64)

    return PointBatch(
        names,
        np.array([code_of[record["device_id"]] for record in records], np.int32),
        np.array([record["time_us"] for record in records], np.int64),
        column("longitude"),
        column("latitude"),
        *(column(name) for name in _NUMBERS),
    )
