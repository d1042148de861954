"""What the clients have in common: positions as they say them, made into columns and admitted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import orjson

from trackflow.geo.points import Floats
from trackflow.sources.cells import EMPTY_CELLS, Numbers, number
from trackflow.sources.columns import HDOP_UNIT_M
from trackflow.sources.door import Candidates, Devices, admit
from trackflow.sources.records import PointBatch, Reason, Refusal, clean_raw
from trackflow.sources.times import UNREADABLE_US, TimeForm, Times, epoch_form, parse_time

KMH_MS = 1 / 3.6
KNOTS_MS = 1852 / 3600

type Record = Mapping[str, object]
"""A JSON object as a client sent it."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One position as a client said it: any JSON value in each field, checked later.

    Attributes:
        accuracy_m: 0 means unknown: no receiver is exact, and clients without a value send it.
        hdop: stands in for an accuracy that is not known.
        speed_unit_ms: metres per second of one unit of `speed`.
    """

    device: object
    time: object
    lat: object
    lon: object
    altitude_m: object = None
    accuracy_m: object = None
    hdop: object = None
    speed: object = None
    speed_unit_ms: float = 1.0
    course_deg: object = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request brought.

    Attributes:
        points: what came in.
        refused: what did not, each with its reason.
        ignored: messages that are not about positions and were never meant to be.
    """

    points: PointBatch = field(default_factory=PointBatch.empty)
    refused: list[Refusal] = field(default_factory=list)
    ignored: int = 0

    @classmethod
    def unreadable(cls, body: bytes, source: str, device_id: str | None = None) -> Self:
        """One refusal for a whole body that cannot be read."""
        refusal = Refusal(Reason.UNREADABLE, clean_raw(body), f"{source}: body", device_id)
        return cls(refused=[refusal])


def candidates_of(
    fixes: Sequence[Fix],
    *,
    device_id: str | None,
    fallback_device: str = "",
    time_form: TimeForm | None = None,
) -> Candidates:
    """One candidate per fix, in their order.

    Args:
        fixes: what the client said.
        device_id: the device of all, whatever they say.
        fallback_device: the device of those that name none.
        time_form: how the client writes times; None = ISO or an epoch in any unit, each by itself.
    """
    return Candidates(
        _devices(fixes, device_id, fallback_device),
        _times([fix.time for fix in fixes], time_form),
        Numbers.of_objects([fix.lat for fix in fixes]),
        Numbers.of_objects([fix.lon for fix in fixes]),
        _values(fix.altitude_m for fix in fixes),
        _accuracy_m(fixes),
        _values(fix.speed for fix in fixes) * np.array([fix.speed_unit_ms for fix in fixes]),
        _values(fix.course_deg for fix in fixes),
    )


def admitted(
    found: Candidates,
    records: Sequence[object],
    source: str,
    now_us: int,
    elsewhere_refused: Sequence[Refusal] = (),
    ignored: int = 0,
) -> Delivery:
    """What comes in of `found`; `records` are what each was made of, for the quarantine."""

    def describe(index: int) -> tuple[str, str]:
        return dumped(records[index]), f"{source}: location {index + 1}"

    points, refused = admit(found, now_us, describe)
    return Delivery(points, [*refused, *elsewhere_refused], ignored)


def refusal(reason: Reason, value: object, source: str, device_id: str | None) -> Refusal:
    """A refusal of a JSON value that is not even a candidate."""
    return Refusal(reason, clean_raw(dumped(value)), source, device_id)


def member(record: object, *path: str) -> object:
    """What lies at a path of names in nested objects, None where there is nothing."""
    for name in path:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def text(value: object) -> str | None:
    """A JSON value as text, if it can be a name or a time."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return None


def dumped(value: object) -> str:
    """A value as JSON again, for the quarantine."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # whole numbers beyond 64 bits, lone surrogates, too deep
        try:
            return repr(value)
        except RecursionError:
            return f"{type(value).__name__}, nested too deep to be shown"


def _times(moments: Iterable[object], form: TimeForm | None) -> Times:
    """Times one by one: pyarrow's way with whole columns would load pandas into the API."""
    cells = [(text(moment) or "").strip() for moment in moments]
    missing = np.array([cell in EMPTY_CELLS for cell in cells], np.bool_)
    parsed = [_moment_us(cell, form) for cell in cells]
    bad = np.array([us is None for us in parsed], np.bool_) & ~missing
    time_us = np.array([UNREADABLE_US if us is None else us for us in parsed], np.int64)
    return Times(time_us, missing, bad)


def _moment_us(cell: str, form: TimeForm | None) -> int | None:
    if form is None:
        value = number(cell)
        form = TimeForm.ISO if value is None else epoch_form(value)
    return None if form is None else parse_time(cell, form)


def _values(cells: Iterable[object]) -> Floats:
    return Numbers.of_objects(list(cells)).values


def _accuracy_m(fixes: Sequence[Fix]) -> Floats:
    accuracy = _values(fix.accuracy_m for fix in fixes)
    unknown = np.isnan(accuracy) | (accuracy <= 0)
    if not unknown.any():
        return accuracy
    hdop = _values(fix.hdop for fix in fixes)
    return np.where(unknown, np.where(hdop > 0, hdop, np.nan) * HDOP_UNIT_M, accuracy)


def _devices(fixes: Sequence[Fix], device_id: str | None, fallback: str) -> Devices:
    if device_id is not None:
        return Devices.all_of(device_id, len(fixes))
    said = [(text(fix.device) or "").strip() for fix in fixes]
    names = [fallback.strip() if name in EMPTY_CELLS else name for name in said]
    code_of = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return Devices(np.array([code_of[name] for name in names], np.int32), tuple(code_of))
