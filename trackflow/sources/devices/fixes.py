"""What the clients have in common: positions as they say them, made into columns and admitted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat

import numpy as np
import orjson

from trackflow.geo.points import Bools, Floats
from trackflow.sources.admission import Candidates, Devices, admit
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.few import FEW_FIXES, points_of_few
from trackflow.sources.devices.said import Fix, Record, is_placeholder, is_unset, moment_us, text
from trackflow.sources.records import PointBatch, Refusal, RefusalReason, whole_raw
from trackflow.sources.values.cells import EMPTY_CELLS, Numbers
from trackflow.sources.values.plain_times import iso_us, whole_counts_us
from trackflow.sources.values.times import UNREADABLE_US, TimeForm, Times
from trackflow.sources.values.units import (
    Quantity,
    best_accuracy_m,
    decimal_commas,
    factor_of,
    measure,
)

__all__ = [
    "UNIT_PARAMETERS",
    "BodyCollector",
    "BodyContent",
    "Fix",
    "Record",
    "body_refusal",
    "candidates_of",
    "dumped",
    "exact_json",
    "is_placeholder",
    "is_unset",
    "member",
    "text",
    "told_unit_ms",
]

UNIT_PARAMETERS = ("speed_unit", "speedunit", "speed_units")
"""Parameters of an address by which a person says the unit of all speeds."""


@dataclass(frozen=True, slots=True)
class BodyContent:
    """What one request brought.

    Attributes:
        points: what came in.
        refused: what did not, each with its reason.
        ignored: messages that are not about positions and were never meant to be.
        sender: who sent it, a key of `senders`.
    """

    points: PointBatch = field(default_factory=PointBatch.empty)
    refused: list[Refusal] = field(default_factory=list)
    ignored: int = 0
    sender: str = ""


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
        time_form: what a number is that is a likely time in no unit; None = no time at all.
    """
    if not fixes:
        return _candidates_of_none()
    device, time, lat, lon, altitude_m, accuracy_m, hdop, speed, unit_ms, course_deg = zip(
        *fixes, strict=True
    )
    commas = decimal_commas(lat, lon)

    def column(
        cells: Sequence[object], quantity: Quantity, factors: Sequence[float] | None = None
    ) -> Floats:
        return _measured(cells, quantity, commas, factors)

    return Candidates(
        _devices(device, device_id, fallback_device),
        _times(time, time_form),
        Numbers(column(lat, Quantity.LATITUDE), _missing(lat)),
        Numbers(column(lon, Quantity.LONGITUDE), _missing(lon)),
        column(altitude_m, Quantity.LENGTH),
        best_accuracy_m(column(accuracy_m, Quantity.LENGTH), column(hdop, Quantity.RATIO)),
        column(speed, Quantity.SPEED, unit_ms),
        column(course_deg, Quantity.ANGLE),
    )


def _candidates_of_none() -> Candidates:
    none, no_rows = np.empty(0), np.empty(0, np.bool_)
    times = Times(np.empty(0, np.int64), no_rows, no_rows)
    return Candidates(Devices.all_of("", 0), times, Numbers(none, no_rows), Numbers(none, no_rows))


class BodyCollector:
    """Collects what one body brings: candidates, refusals, and what is none of our business.

    Attributes:
        sender: who sent it.
        body: the whole body, for what can be kept only with it.
    """

    def __init__(self, envelope: Envelope, sender: str, body: bytes, now_us: int) -> None:
        self.sender = sender
        self.body = body
        self._envelope = envelope
        self._now_us = now_us
        self._fixes: list[Fix] = []
        self._records: list[object] = []
        self._refused: list[Refusal] = []
        self._ignored = 0

    @property
    def _device_id(self) -> str | None:
        return self._envelope.device_id or self._envelope.named_device or None

    def add(self, fix: Fix, record: object) -> None:
        """A position, and the record it was made of, which the quarantine keeps if need be."""
        self._fixes.append(fix)
        self._records.append(record)

    def refuse(self, reason: RefusalReason, record: object) -> None:
        """A record that is not even a candidate."""
        self._refused.append(self._refusal(reason, record, self.sender))

    def refuse_body(self, reason: RefusalReason, body: bytes | None = None) -> None:
        """The whole body, of which only a part could be read, or nothing."""
        body = self.body if body is None else body
        self._refused.append(body_refusal(reason, body, self.sender, self._device_id))

    def ignore(self) -> None:
        """A message that was never meant to be a position."""
        self._ignored += 1

    def delivery(self, time_form: TimeForm | None = None) -> BodyContent:
        """All of it, at the door."""
        fallback = self._envelope.fallback_device or self.sender
        if len(self._fixes) <= FEW_FIXES:
            few = points_of_few(
                self._fixes,
                device_id=self._device_id,
                fallback_device=fallback,
                time_form=time_form,
                now_us=self._now_us,
            )
            if few is not None:
                return BodyContent(few, self._refused, self._ignored, self.sender)
        found = candidates_of(
            self._fixes,
            device_id=self._device_id,
            fallback_device=fallback,
            time_form=time_form,
        )
        row_at: dict[str, int] = {}

        def describe(index: int) -> tuple[str, str]:
            where = f"{self.sender}: location {index + 1}"
            row_at[where] = index
            return "", where

        # all one by one: the sender forgets them, so each is kept
        points, refusals = admit(found, self._now_us, describe, most_refused=len(self._fixes))
        refused = [self._kept(refusal, row_at[refusal.where]) for refusal in refusals]
        return BodyContent(points, [*refused, *self._refused], self._ignored, self.sender)

    def _kept(self, refusal: Refusal, row: int) -> Refusal:
        if refusal.time_us is not None:  # whole already; it comes in once the clock is right
            return refusal
        fix = self._fixes[row]
        reason = refusal.reason
        if any(is_placeholder(value) for value in (fix.lat, fix.lon, fix.time)):
            reason = RefusalReason.PLACEHOLDER
        kept = self._refusal(reason, self._records[row], refusal.where)
        return replace(kept, device_id=refusal.device_id)

    def _refusal(self, reason: RefusalReason, record: object, where: str) -> Refusal:
        raw = exact_json(record)
        if raw is None:
            return body_refusal(reason, self.body, where, self._device_id)
        return Refusal(reason, whole_raw(raw), where, self._device_id)


def body_refusal(reason: RefusalReason, body: bytes, where: str, device_id: str | None) -> Refusal:
    """A refusal that keeps a whole body, byte for byte."""
    text = whole_raw(body)
    is_exact = text.encode() == body
    return Refusal(reason, text, f"{where}: body", device_id, body=None if is_exact else body)


def told_unit_ms(query: Mapping[str, str]) -> float | None:
    """Metres per second of the unit of speed that the address says; NaN for an unknown unit."""
    for name in UNIT_PARAMETERS:
        if query.get(name):
            factor = factor_of(query[name], Quantity.SPEED)
            return np.nan if factor is None else factor
    return None


def member(record: object, *path: str) -> object:
    """What lies at a path of names in nested objects, None where there is nothing."""
    for name in path:
        if type(record) is not dict and not isinstance(record, Mapping):  # the first is far faster
            return None
        record = record.get(name)
    return record


def dumped(value: object) -> str:
    """A value as text to be shown."""
    found = exact_json(value)
    return f"{type(value).__name__}, nested too deep to be shown" if found is None else found


def exact_json(value: object) -> str | None:
    """A value as JSON again, which gives the same value when it is read; None if it is too deep."""
    try:
        found = orjson.dumps(value)
        if b"null" not in found:  # which it writes for NaN, too
            return found.decode()
    except (orjson.JSONEncodeError, TypeError):
        pass  # whole numbers beyond 64 bits, lone surrogates
    try:
        return json.dumps(value)
    except (RecursionError, ValueError):
        return None


def _times(moments: Sequence[object], form: TimeForm | None) -> Times:
    """Times without pyarrow, which would load pandas into the API."""
    plain = whole_counts_us(moments)
    if plain is None:
        plain = iso_us(moments)
    if plain is not None:
        none = np.zeros(len(plain), np.bool_)
        return Times(plain, none, none)
    cells = [(text(moment) or "").strip() for moment in moments]
    missing = np.array([cell in EMPTY_CELLS for cell in cells], np.bool_)
    parsed = [moment_us(cell, form) for cell in cells]
    bad = np.array([us is None for us in parsed], np.bool_) & ~missing
    time_us = np.array([UNREADABLE_US if us is None else us for us in parsed], np.int64)
    return Times(time_us, missing, bad)


def _measured(
    cells: Sequence[object],
    quantity: Quantity,
    commas: Sequence[bool] | None,
    factors: Sequence[float] | None,
) -> Floats:
    """A column in our unit; the fast way where no cell is text, which gives the same."""
    if set(map(type, cells)) <= {int, float, type(None)}:
        values = Numbers.of_objects(cells).values
        return values if factors is None else values * np.array(factors)
    rows = zip(cells, factors or repeat(1.0), commas or repeat(False), strict=False)
    return np.array(
        [measure(cell, quantity, factor, decimal_comma=comma) for cell, factor, comma in rows],
        np.float64,
    )


def _missing(cells: Sequence[object]) -> Bools:
    if set(map(type, cells)) <= {int, float}:
        return np.zeros(len(cells), np.bool_)
    blank = [c is None or (isinstance(c, str) and c.strip() in EMPTY_CELLS) for c in cells]
    return np.array(blank, np.bool_)


def _devices(devices: Sequence[object], device_id: str | None, fallback: str) -> Devices:
    if device_id is not None:
        return Devices.all_of(device_id, len(devices))
    said = [text(device) for device in devices]
    name_of = {each: _name(each, fallback) for each in dict.fromkeys(said)}
    code_of = {name: code for code, name in enumerate(dict.fromkeys(name_of.values()))}
    code_of_said = {each: code_of[name] for each, name in name_of.items()}
    return Devices(np.array([code_of_said[each] for each in said], np.int32), tuple(code_of))


def _name(said: str | None, fallback: str) -> str:
    name = (said or "").strip()
    return fallback.strip() if name in EMPTY_CELLS or is_unset(name) else name
