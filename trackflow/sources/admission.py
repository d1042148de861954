"""Admission: which of the points that a reader found are accepted, and why the others are not.

A plausible position and a plausible time are all that a point needs. A bad accuracy, speed, course
or altitude makes that value unknown and keeps the point: losing a position for it would lose more.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from trackflow.geo.points import Floats, Ints, on_grid
from trackflow.sources.ahead import lies_ahead, whole
from trackflow.sources.records import (
    EARLIEST_US,
    FUTURE_SLACK_US,
    REFUSED_MAX,
    PointBatch,
    Refusal,
    RefusalReason,
    and_more,
    clean_raw,
)
from trackflow.sources.values.cells import Numbers, Strings, strings
from trackflow.sources.values.times import Times
from trackflow.sources.values.units import KMH_MS, KNOTS_MS, MPH_MS
from trackflow.words import is_seen

DEVICE_MAX_CHARS = 200

CROWD_MAX = 100
"""Different positions of one device at one moment: no receiver gives more; one of them is kept."""

_FINEST_M = 1e-6
"""A smaller accuracy is unknown: no receiver is exact, and senders without a value write 0.

Such a 0 would win against every honest point of the same moment.
"""

type Describe = Callable[[int], tuple[str | bytes, str]]
"""Row number to its raw text and place; called for refused rows only."""

BELIEVABLE = ((-9_998.0, 100_000.0), (_FINEST_M, 1e7), (0.0, 12_000.0), (0.0, 360.0))
"""Believable altitudes, accuracies, speeds and courses.

Senders write -9999 for an unknown altitude, and -1 or 65535 for other values.
"""

UNKNOWN_SPEEDS_MS = (9_999.0, 9_999 * KMH_MS, 9_999 * KNOTS_MS, 9_999 * MPH_MS)
"""Of senders that write 9999 for an unknown speed, in whatever unit: nothing on earth is so fast.

Other speeds beyond those of aircraft stay, so that what is stored comes back from an export.
"""

_SMALLEST, _LARGEST = np.array(BELIEVABLE).T[:, :, np.newaxis]

_UNKNOWN_FROM_MS = min(UNKNOWN_SPEEDS_MS)

_REASONS = list(RefusalReason)
_ACCEPTED = np.uint8(255)


@dataclass(frozen=True, slots=True)
class Devices:
    """The device of each candidate: codes into names."""

    codes: NDArray[np.int32]
    names: tuple[str, ...]

    @classmethod
    def all_of(cls, name: str, count: int) -> Self:
        """One device for all."""
        return cls(np.zeros(count, np.int32), (name.strip(),))

    @classmethod
    def of_column(cls, column: Strings, fallback: str = "") -> Self:
        """From a column of names; a blank one is `fallback`."""
        encoded = pc.dictionary_encode(column, null_encoding="encode")
        names = [(n or "").strip() or fallback.strip() for n in encoded.dictionary.to_pylist()]
        unique = tuple(dict.fromkeys(names))
        code_of = {name: code for code, name in enumerate(unique)}
        recode = np.array([code_of[n] for n in names], np.int32)
        codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False))
        return cls(recode[codes] if len(codes) else np.empty(0, np.int32), unique)

    @classmethod
    def of_names(cls, names: Sequence[str | None]) -> Self:
        """From one name per candidate."""
        return cls.of_column(strings(names))


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a reader found, before admission. One value for each candidate; None: no such column.

    Attributes:
        devices: the device of each.
        times: the time of each, UTC.
        lat: degrees.
        lon: degrees.
        altitude_m: metres; NaN where unknown, as in the next three.
        accuracy_m: metres.
        speed_ms: metres per second.
        course_deg: degrees from north, clockwise.
    """

    devices: Devices
    times: Times
    lat: Numbers
    lon: Numbers
    altitude_m: Floats | None = None
    accuracy_m: Floats | None = None
    speed_ms: Floats | None = None
    course_deg: Floats | None = None


def admit(
    found: Candidates, now_us: int, describe: Describe, *, most_refused: int = REFUSED_MAX
) -> tuple[PointBatch, list[Refusal]]:
    """The admitted points, in their order, and a refusal for each of the others.

    Args:
        found: what a reader found.
        now_us: UTC microseconds; later times than this and a day are refused.
        describe: gives the raw text and the place of a refused row.
        most_refused: refusals of one reason that are made one by one; of more, their number is.
    """
    if not len(found.lat.values):
        return PointBatch.empty(), []  # a device without points would be registered as one
    with np.errstate(invalid="ignore"):
        lat, lon = on_grid(np.stack((found.lat.values, found.lon.values)))
        batch = _batch(found, lat, lon)
        every = np.ones(len(lat), np.bool_)
        if _all_admitted(found, lat, lon, now_us) and not len(_crowded(found, lat, lon, every)):
            return batch, []
        verdict = _verdicts(found, lat, lon, now_us)
    is_admitted = verdict == _ACCEPTED
    early = [
        row
        for row in np.flatnonzero(
            verdict == _REASONS.index(RefusalReason.TIME_OUT_OF_RANGE)
        ).tolist()
        if _is_early(batch, row, now_us)
    ]
    refused = [(row, _early(batch, row, describe)) for row in early]
    verdict[early] = _ACCEPTED  # their refusals are listed already
    refused += _refusals(found, verdict, describe, most_refused)
    return _only(batch, is_admitted), [refusal for _, refusal in sorted(refused, key=_row_of)]


def _row_of(refused: tuple[int, Refusal]) -> int:
    return refused[0]


def _refusals(
    found: Candidates, verdict: NDArray[np.uint8], describe: Describe, most: int
) -> list[tuple[int, Refusal]]:
    """A refusal for each row with it; beyond `most` of one reason, one stands for the others.

    Args:
        found: the rows.
        verdict: index of the reason for each row.
        describe: gives the text and the place of a row.
        most: how many of a reason get a refusal each.
    """
    refused: list[tuple[int, Refusal]] = []
    for code in np.unique(verdict[verdict != _ACCEPTED]).tolist():
        rows = np.flatnonzero(verdict == code)
        listed = [
            (row, _refusal(found, row, _REASONS[code], describe)) for row in rows[:most].tolist()
        ]
        if len(rows) > most:
            row = int(rows[most])
            first = _refusal(found, row, _REASONS[code], describe)
            listed.append((row, and_more(first, len(rows) - most)))
        refused += listed
    return refused


def _crowded(found: Candidates, lat: Floats, lon: Floats, rows: NDArray[np.bool_]) -> Ints:
    """Rows beyond the best `CROWD_MAX` of one device at one moment.

    The best are those that the store takes for the best, so that what it keeps is the same.
    """
    among = np.flatnonzero(rows)
    if len(among) <= CROWD_MAX:
        return among[:0]
    device, time_us = found.devices.codes[among], found.times.time_us[among]
    if _largest_group(device, time_us) <= CROWD_MAX:
        return among[:0]
    unknown = np.full(len(lat), np.nan)
    quality = (found.accuracy_m, lon, lat, found.altitude_m, found.speed_ms, found.course_deg)
    columns = [
        np.nan_to_num((unknown if column is None else column)[among], nan=np.inf)
        for column in quality
    ]
    order = np.lexsort((*reversed(columns), time_us, device))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (np.diff(time_us[order]) != 0) | (np.diff(device[order]) != 0)
    differs = begins.copy()  # from the row before it: repeats are no crowd
    for column in columns:
        differs[1:] |= column[order][1:] != column[order][:-1]
    count = np.cumsum(differs)
    in_group = count - np.maximum.accumulate(np.where(begins, count, 0))
    return among[order[in_group >= CROWD_MAX]]


def _largest_group(device: NDArray[np.int32], time_us: Ints) -> int:
    """How many rows of one device have one time, at most."""
    if (np.diff(time_us) > 0).all():
        return 1
    order = np.lexsort((time_us, device))
    changes = (np.diff(time_us[order]) != 0) | (np.diff(device[order]) != 0)
    edges = np.concatenate([[-1], np.flatnonzero(changes), [len(order) - 1]])
    return int(np.diff(edges).max())


def _all_admitted(found: Candidates, lat: Floats, lon: Floats, now_us: int) -> bool:
    """Whether `_verdicts` would accept all: the usual case, in a third of its time."""
    times = found.times
    none = found.lat.missing | found.lon.missing | times.missing | times.bad
    none |= (lat == 0) & (lon == 0)
    good = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)  # false for NaN and infinity
    good &= (times.time_us >= EARLIEST_US) & (times.time_us <= now_us + FUTURE_SLACK_US)
    return (
        bool((good & ~none).all())
        and all(map(fit_device, found.devices.names))
        and (
            len(lat) <= CROWD_MAX or _largest_group(found.devices.codes, times.time_us) <= CROWD_MAX
        )
    )


def _verdicts(found: Candidates, lat: Floats, lon: Floats, now_us: int) -> NDArray[np.uint8]:
    """Index of the reason for each row; where several apply, the last one set here counts."""
    verdict = np.full(len(lat), _ACCEPTED, np.uint8)

    def refuse(rows: NDArray[np.bool_], reason: RefusalReason) -> None:
        verdict[rows] = _REASONS.index(reason)

    bad = np.array([not fit_device(name) for name in found.devices.names], np.bool_)
    if bad.any():
        refuse(bad[found.devices.codes], RefusalReason.BAD_DEVICE)
        nameless = np.array([name == "" for name in found.devices.names], np.bool_)
        refuse(nameless[found.devices.codes], RefusalReason.NO_DEVICE)
    time_us = found.times.time_us
    refuse(
        (time_us < EARLIEST_US) | (time_us > now_us + FUTURE_SLACK_US),
        RefusalReason.TIME_OUT_OF_RANGE,
    )
    refuse(found.times.bad, RefusalReason.BAD_TIME)
    refuse(found.times.missing, RefusalReason.NO_TIME)
    refuse((lat == 0) & (lon == 0), RefusalReason.NULL_ISLAND)
    refuse((np.abs(lat) > 90) | (np.abs(lon) > 180), RefusalReason.OUT_OF_RANGE)
    refuse(~np.isfinite(lat) | ~np.isfinite(lon), RefusalReason.NOT_A_NUMBER)
    refuse(found.lat.missing | found.lon.missing, RefusalReason.NO_POSITION)
    verdict[_crowded(found, lat, lon, verdict == _ACCEPTED)] = _REASONS.index(RefusalReason.CROWDED)
    return verdict


def fit_device(name: str) -> bool:
    """Whether a name can be a device id: visible characters, not too many.

    A number that a spreadsheet has rounded is none: several trackers have it.
    """
    is_visible = 0 < len(name) <= DEVICE_MAX_CHARS and is_seen(name)
    return is_visible and not _ROUNDED.fullmatch(name)


_ROUNDED = re.compile(r"\d(?:[.,]\d{0,5})?E\+\d\d")


def _refusal(found: Candidates, row: int, reason: RefusalReason, describe: Describe) -> Refusal:
    raw, where = describe(row)
    device = clean_raw(found.devices.names[found.devices.codes[row]])
    return Refusal(reason, clean_raw(raw), where, device or None)


def _is_early(batch: PointBatch, row: int, now_us: int) -> bool:
    """Whether a position whose time is out of range lies in the future, and has no other fault."""
    return lies_ahead(int(batch.time_us[row]), now_us) and fit_device(
        batch.devices[batch.device[row]]
    )


def _early(batch: PointBatch, row: int, describe: Describe) -> Refusal:
    _, where = describe(row)
    device = batch.devices[batch.device[row]]
    time_us = int(batch.time_us[row])
    return Refusal(RefusalReason.TIME_OUT_OF_RANGE, whole(batch, row), where, device, time_us)


def _batch(found: Candidates, lat: Floats, lon: Floats) -> PointBatch:
    unknown = np.full(len(lat), np.nan)
    values_by_field = (found.altitude_m, found.accuracy_m, found.speed_ms, found.course_deg)
    values = np.stack([unknown if column is None else column for column in values_by_field])
    within = (values >= _SMALLEST) & (values <= _LARGEST)
    altitude_m, accuracy_m, speed_ms, course_deg = np.where(within, values, np.nan)
    course_deg[course_deg == 360.0] = 0.0
    if (speed_ms >= _UNKNOWN_FROM_MS).any():
        speed_ms[np.isin(speed_ms, UNKNOWN_SPEEDS_MS)] = np.nan
    return PointBatch(
        found.devices.names,
        found.devices.codes,
        found.times.time_us,
        lon,
        lat,
        altitude_m,
        accuracy_m,
        speed_ms,
        course_deg,
    )


def _only(batch: PointBatch, rows: NDArray[np.bool_]) -> PointBatch:
    """The points of `rows`; devices with no accepted point are dropped from the names."""
    used, codes = np.unique(batch.device[rows], return_inverse=True)
    return PointBatch(
        tuple(batch.devices[code] for code in used),
        codes.astype(np.int32),
        batch.time_us[rows],
        batch.lon[rows],
        batch.lat[rows],
        batch.altitude_m[rows],
        batch.accuracy_m[rows],
        batch.speed_ms[rows],
        batch.course_deg[rows],
    )
