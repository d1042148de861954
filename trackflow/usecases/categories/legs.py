"""Finds the legs of tracks, for the days that have changed since the last time.

Legs are found journey by journey: tracks with short pauses between them. A journey is read and
written whole, in one transaction, with all legs that touch it, so that days in any order give the
legs of one pass over all of them.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass

from trackflow.categories.legs import MODEL_VERSION, PAUSE_S, Correction, Leg, legs_of
from trackflow.categories.mode_map import ModeMap
from trackflow.categories.mode_model import model
from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY, from_us, midnight, runs_of_days, to_us
from trackflow.store.categories import legs
from trackflow.store.database import Connection
from trackflow.store.days.segments import read_days
from trackflow.store.devices.settings import device_ids, lock_devices, read_device

PAUSE_US = int(PAUSE_S * 1e6)

PRIOR_OF_PROFILE = {"bicycle": Mode.CYCLING, "foot": Mode.WALKING}
PRIOR_OF_PRESET = {
    "vehicle": Mode.DRIVING,
}
SET_BY_PERSON = 20.0
"""Weight of the mode of a profile or preset that a person has set for a device."""

HOURS_LEARNED = 10.0
"""Corrected hours of a mode at which its weight has grown to half of its largest."""

MOST_LEARNED = 9.0


@dataclass(slots=True)
class LegsReport:
    """The result of an update.

    Attributes:
        device_days: number of device-days processed.
        journeys: number of journeys looked at.
        changed: legs that are new, gone or different.
    """

    device_days: int = 0
    journeys: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class LegInputs:
    """What legs are told by, but for the points.

    Attributes:
        mode_map: None if no network has one.
        prior: weights of modes.
        corrections: of persons, in the order of deciding.
    """

    mode_map: ModeMap | None
    prior: dict[Mode, float]
    corrections: list[Correction]

    @property
    def hash(self) -> str:
        """Changes whenever days that nobody corrected may have other legs."""
        version = None if self.mode_map is None else self.mode_map.version
        prior = {mode.value: weight for mode, weight in sorted(self.prior.items())}
        text = json.dumps([MODEL_VERSION, model().version, PAUSE_S, version, prior])
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def leg_inputs(connection: Connection, device_id: str, mode_map: ModeMap | None) -> LegInputs:
    """What the legs of a device are told by."""
    device = read_device(connection, device_id)
    stored = legs.read_corrections(connection, device_id)
    prior: dict[Mode, float] = {}
    set_mode = PRIOR_OF_PRESET.get(device.preset or "") or PRIOR_OF_PROFILE.get(device.profile)
    if set_mode is not None:
        prior[set_mode] = SET_BY_PERSON
    hours: dict[Mode, float] = {}
    for one in stored:
        seconds = (one.end_time - one.start_time).total_seconds()
        hours[one.mode] = hours.get(one.mode, 0.0) + seconds / 3600
    for mode, corrected_h in hours.items():
        learned = 1 + MOST_LEARNED * corrected_h / (corrected_h + HOURS_LEARNED)
        # whole numbers: else each correction would make all days of the device due
        prior[mode] = max(prior.get(mode, 1.0), float(round(learned)))
    return LegInputs(mode_map, prior, legs.as_rules(stored))


def days_due(context: Context, device_id: str | None = None) -> dict[str, list[dt.date]]:
    """The days of devices whose legs are not found, or were told by something else than is there.

    Args:
        context: the store.
        device_id: only this device; None for all.
    """
    mode_map = context.mode_map()
    found = {}
    with context.store.read() as connection:
        for one in device_ids(connection) if device_id is None else [device_id]:
            inputs = leg_inputs(connection, one, mode_map)
            days = legs.due_days(connection, inputs.hash, one).get(one, [])
            if days:
                found[one] = [day for day, _ in days]
    return found


def forget(
    context: Context, device_id: str | None, first: dt.date | None, last: dt.date | None
) -> None:
    """Make days due again, also those that have not changed.

    Args:
        context: the store.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    with context.store.write() as connection:
        for one in device_ids(connection) if device_id is None else [device_id]:
            legs.forget_days(connection, one, first or dt.date.min, last or dt.date.max)


def update_legs(
    context: Context, device_id: str, days: Collection[dt.date] | None = None
) -> LegsReport:
    """Bring the legs of a device up to date.

    Args:
        context: the store.
        device_id: the device.
        days: only these days and those that their journeys reach; None for all that are due.
    """
    report = LegsReport()
    mode_map = context.mode_map()
    with context.store.read() as connection:
        inputs = leg_inputs(connection, device_id, mode_map)
        due = legs.due_days(connection, inputs.hash, device_id).get(device_id, [])
    wanted = [day for day, _ in due if days is None or day in days]
    for first, last in runs_of_days(wanted):
        day = first
        while day <= last:
            until = min(day + (MOST_DAYS - 1) * ONE_DAY, last)
            _update(context, device_id, day, until, mode_map, report)
            day = until + ONE_DAY
    return report


MOST_DAYS = 7
"""Days in one transaction, but for journeys that are longer: writers wait for a second at most."""


def _update(
    context: Context,
    device_id: str,
    first: dt.date,
    last: dt.date,
    mode_map: ModeMap | None,
    report: LegsReport,
) -> None:
    """Update a run of days, in one transaction.

    Args:
        context: the store.
        device_id: the device.
        first: the first day.
        last: the last day, included.
        mode_map: what is around.
        report: is added to.
    """
    with context.store.write() as connection:
        lock_devices(connection, [device_id])
        inputs = leg_inputs(connection, device_id, mode_map)
        due = legs.due_days(connection, inputs.hash, device_id).get(device_id, [])
        still = [(day, generation) for day, generation in due if first <= day <= last]
        if not still:
            return
        start_us, end_us = _reach(
            connection, device_id, to_us(midnight(first)), to_us(midnight(last + ONE_DAY)) - 1
        )
        found: list[Leg] = []
        for journey in _journeys(connection, device_id, start_us, end_us):
            found += legs_of(
                journey,
                mode_map=inputs.mode_map,
                prior=inputs.prior,
                corrections=inputs.corrections,
            )
            report.journeys += 1
        report.changed += legs.replace_between(connection, device_id, start_us, end_us, found)
        legs.note_days(connection, device_id, still, inputs.hash)
        report.device_days += len(still)


def _reach(connection: Connection, device_id: str, start_us: int, end_us: int) -> tuple[int, int]:
    """The time of days, extended to whole journeys: those of the tracks, and those of old legs.

    A leg of a journey that has become shorter would stay behind otherwise.
    """
    while True:
        around = (start_us - PAUSE_US, end_us + PAUSE_US)
        spans = legs.track_spans(connection, device_id, *around)
        spans += legs.leg_spans(connection, device_id, *around)
        low = min([start_us, *(start for start, _ in spans)])
        high = max([end_us, *(end for _, end in spans)])
        if (low, high) == (start_us, end_us):
            return start_us, end_us
        start_us, end_us = low, high


def _journeys(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> list[list[Points]]:
    """The points of each journey: of its tracks, one after another."""
    spans = legs.track_spans(connection, device_id, start_us, end_us)
    if not spans:
        return []
    days = read_days(connection, device_id, from_us(start_us).date(), from_us(end_us).date())
    parts = [part.points for day in sorted(days) for part in days[day]]
    whole = Points.concat(parts)
    found: list[list[Points]] = []
    before_us: int | None = None
    for track_start_us, track_end_us in spans:
        points = whole.between(track_start_us, track_end_us + 1)
        if before_us is not None and track_start_us - before_us <= PAUSE_US:
            found[-1].append(points)
        else:
            found.append([points])
        before_us = track_end_us
    return found
