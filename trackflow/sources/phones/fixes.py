"""What the clients have in common: positions as they say them, made into columns and admitted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import orjson

from trackflow.geo.points import Bools, Floats
from trackflow.sources.cells import EMPTY_CELLS, Numbers
from trackflow.sources.door import Candidates, Devices, admit
from trackflow.sources.phones.envelopes import Envelope
from trackflow.sources.phones.few import FEW_FIXES, points_of_few
from trackflow.sources.phones.said import Fix, Record, is_placeholder, is_unset, moment_us, text
from trackflow.sources.records import PointBatch, Reason, Refusal, whole_raw
from trackflow.sources.times import UNREADABLE_US, TimeForm, Times
from trackflow.sources.units import (
    Quantity,
    best_accuracy_m,
    factor_of,
    has_decimal_comma,
    measure,
)

__all__ = [
    "UNIT_PARAMETERS",
    "Delivery",
    "Fix",
    "Reception",
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
class Delivery:
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
    commas = [has_decimal_comma(fix.lat, fix.lon) for fix in fixes]

    def column(
        cells: Sequence[object], quantity: Quantity, factors: Sequence[float] | None = None
    ) -> Floats:
        return _measured(cells, quantity, commas, factors)

    lat, lon = [fix.lat for fix in fixes], [fix.lon for fix in fixes]
    return Candidates(
        _devices(fixes, device_id, fallback_device),
        _times([fix.time for fix in fixes], time_form),
        Numbers(column(lat, Quantity.LATITUDE), _missing(lat)),
        Numbers(column(lon, Quantity.LONGITUDE), _missing(lon)),
        column([fix.altitude_m for fix in fixes], Quantity.LENGTH),
        best_accuracy_m(
            column([fix.accuracy_m for fix in fixes], Quantity.LENGTH),
            column([fix.hdop for fix in fixes], Quantity.RATIO),
        ),
        column([fix.speed for fix in fixes], Quantity.SPEED, [fix.speed_unit_ms for fix in fixes]),
        column([fix.course_deg for fix in fixes], Quantity.ANGLE),
    )


class Reception:
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

    def refuse(self, reason: Reason, record: object) -> None:
        """A record that is not even a candidate."""
        self._refused.append(self._refusal(reason, record, self.sender))

    def refuse_body(self, reason: Reason, body: bytes | None = None) -> None:
        """The whole body, of which only a part could be read, or nothing."""
        body = self.body if body is None else body
        self._refused.append(body_refusal(reason, body, self.sender, self._device_id))

    def ignore(self) -> None:
        """A message that was never meant to be a position."""
        self._ignored += 1

    def delivery(self, time_form: TimeForm | None = None) -> Delivery:
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
                return Delivery(few, self._refused, self._ignored, self.sender)
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
        return Delivery(points, [*refused, *self._refused], self._ignored, self.sender)

    def _kept(self, refusal: Refusal, row: int) -> Refusal:
        if refusal.time_us is not None:  # whole already; it comes in once the clock is right
            return refusal
        fix = self._fixes[row]
        reason = refusal.reason
        if any(is_placeholder(value) for value in (fix.lat, fix.lon, fix.time)):
            reason = Reason.PLACEHOLDER
        kept = self._refusal(reason, self._records[row], refusal.where)
        return replace(kept, device_id=refusal.device_id)

    def _refusal(self, reason: Reason, record: object, where: str) -> Refusal:
        raw = exact_json(record)
        if raw is None:
            return body_refusal(reason, self.body, where, self._device_id)
        return Refusal(reason, whole_raw(raw), where, self._device_id)


def body_refusal(reason: Reason, body: bytes, where: str, device_id: str | None) -> Refusal:
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
        record = record.get(name) if isinstance(record, Mapping) else None
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


def _times(moments: Iterable[object], form: TimeForm | None) -> Times:
    """Times one by one: pyarrow's way with whole columns would load pandas into the API."""
    cells = [(text(moment) or "").strip() for moment in moments]
    missing = np.array([cell in EMPTY_CELLS for cell in cells], np.bool_)
    parsed = [moment_us(cell, form) for cell in cells]
    bad = np.array([us is None for us in parsed], np.bool_) & ~missing
    time_us = np.array([UNREADABLE_US if us is None else us for us in parsed], np.int64)
    return Times(time_us, missing, bad)


def _measured(
    cells: Sequence[object],
    quantity: Quantity,
    commas: Sequence[bool],
    factors: Sequence[float] | None,
) -> Floats:
    """A column in our unit; the fast way where no cell is text, which gives the same."""
    if set(map(type, cells)) <= {int, float, type(None)}:
        values = Numbers.of_objects(cells).values
        return values if factors is None else values * np.array(factors)
    each = [1.0] * len(cells) if factors is None else factors
    rows = zip(cells, each, commas, strict=True)
    return np.array(
        [measure(cell, quantity, factor, decimal_comma=comma) for cell, factor, comma in rows],
        np.float64,
    )


def _missing(cells: Sequence[object]) -> Bools:
    blank = [c is None or (isinstance(c, str) and c.strip() in EMPTY_CELLS) for c in cells]
    return np.array(blank, np.bool_)


def _devices(fixes: Sequence[Fix], device_id: str | None, fallback: str) -> Devices:
    if device_id is not None:
        return Devices.all_of(device_id, len(fixes))
    said = [(text(fix.device) or "").strip() for fix in fixes]
    names = [fallback.strip() if name in EMPTY_CELLS or is_unset(name) else name for name in said]
    code_of = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return Devices(np.array([code_of[name] for name in names], np.int32), tuple(code_of))
