"""Finds the legs of tracks, for the days that have changed since the last time.

Legs are found journey by journey: tracks with short pauses between them. A journey is read and
written whole, in one transaction, with all legs that touch it, so that days in any order give the
legs of one pass over all of them.
"""

import datetime as dt
import hashlib
import itertools
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.categories.carried import MODE_OF_KIND, is_carried
from trackflow.categories.legs import MODEL_VERSION, PAUSE_S, Correction, legs_of_each
from trackflow.categories.mode_map import MapArea, ModeMap
from trackflow.categories.mode_model import model
from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY, from_us, midnight, midnight_us, runs_of_days, to_us
from trackflow.store.categories import corrections, leg_days, legs
from trackflow.store.categories.corrections import StoredCorrection
from trackflow.store.database import Connection
from trackflow.store.days.segments import read_days
from trackflow.store.devices.settings import Device, device_ids, lock_devices, read_devices
from trackflow.store.mileage import vehicles

PAUSE_US = int(PAUSE_S * 1e6)

PRIOR_OF_PROFILE = {"bicycle": Mode.CYCLING, "foot": Mode.WALKING}
PRIOR_OF_PRESET = {
    "vehicle": Mode.DRIVING,
}
SET_BY_PERSON = 20.0
"""Weight of the mode of a profile or preset that a person has set for a device."""

IN_VEHICLE = 10_000.0
"""Weight of the mode of the vehicle that a device is built into, for good."""

HOURS_LEARNED = 10.0
"""Corrected hours of a mode at which its weight has grown to half of its largest."""

MOST_LEARNED = 9.0


@dataclass(slots=True)
class LegsReport:
    """The result of an update.

    Attributes:
        changed: legs that are new, gone or different.
    """

    changed: int = 0


@dataclass(frozen=True, slots=True)
class LegInputs:
    """What decides the modes of legs, but for the points.

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
        """Changes whenever all days that nobody corrected may have other legs.

        The map is not in it: that of a network matters to the days that it touches.
        """
        prior = {mode.value: weight for mode, weight in sorted(self.prior.items())}
        text = json.dumps([MODEL_VERSION, model().version, PAUSE_S, None, prior])
        return hashlib.blake2b(text.encode(), digest_size=leg_days.HASH_LENGTH // 2).hexdigest()


def leg_inputs(
    connection: Connection, ids: Sequence[str], mode_map: ModeMap | None
) -> dict[str, LegInputs]:
    """What decides the modes of the legs of devices, by device."""
    stored: dict[str, list[StoredCorrection]] = {}
    for one in corrections.read(connection, ids if len(ids) == 1 else None):
        stored.setdefault(one.device_id, []).append(one)
    found = {}
    in_vehicles = vehicles.kinds_of_devices(connection)
    for device_id, device in read_devices(connection, ids).items():
        of_device = stored.get(device_id, [])
        prior = _prior(device, of_device)
        mode = MODE_OF_KIND.get(in_vehicles.get(device_id, ""))
        if mode is not None and not is_carried(device.preset):
            prior[mode] = IN_VEHICLE
        found[device_id] = LegInputs(mode_map, prior, corrections.as_rules(of_device))
    return found


def _prior(device: Device, stored: Sequence[StoredCorrection]) -> dict[Mode, float]:
    """Weights of modes: of what a person has set for the device, and has corrected."""
    prior: dict[Mode, float] = {}
    set_mode = PRIOR_OF_PRESET.get(device.preset or "") or PRIOR_OF_PROFILE.get(device.profile)
    if set_mode is not None:
        prior[set_mode] = SET_BY_PERSON
    hours: dict[Mode, float] = {}
    for one in stored:
        seconds = (one.end_time - one.start_time).total_seconds()
        hours[one.mode] = hours.get(one.mode, 0.0) + seconds / 3600
    for mode, corrected_h in hours.items():
        # whole numbers: else each correction would make all days of the device due
        learned = round(1 + MOST_LEARNED * corrected_h / (corrected_h + HOURS_LEARNED))
        if learned > prior.get(mode, 1.0):
            prior[mode] = float(learned)
    return prior


def _areas(mode_map: ModeMap | None) -> Sequence[MapArea]:
    return () if mode_map is None else mode_map.areas


def days_due(
    context: Context,
    device_id: str | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> dict[str, list[dt.date]]:
    """The days of devices whose legs are not found, or were told by something else than is there.

    Args:
        context: the store.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    mode_map = context.mode_map()
    with context.store.read() as connection:
        ids = device_ids(connection) if device_id is None else [device_id]
        hashes = {one: known.hash for one, known in leg_inputs(connection, ids, mode_map).items()}
        due = leg_days.due_days(connection, hashes, _areas(mode_map), first, last)
    return {one: [day for day, _ in days] for one, days in due.items()}


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
        leg_days.forget_days(connection, None if device_id is None else (device_id,), first, last)


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
    # which of these are still due is seen in the transaction that writes
    wanted = days_due(context, device_id).get(device_id, []) if days is None else set(days)
    for first, last in runs_of_days(wanted, most=MOST_DAYS):
        _update(context, device_id, first, last, mode_map, report)
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
        inputs = leg_inputs(connection, [device_id], mode_map)[device_id]
        # the current state, which may be newer than the list of days
        areas = _areas(mode_map)
        due = leg_days.due_days(connection, {device_id: inputs.hash}, areas, first, last)
        if device_id not in due:
            return
        start_us, end_us = _reach(
            connection, device_id, to_us(midnight(first)), to_us(midnight(last + ONE_DAY)) - 1
        )
        journeys = _journeys(connection, device_id, start_us, end_us)
        found = legs_of_each(
            journeys,
            mode_map=inputs.mode_map,
            prior=inputs.prior,
            corrections=inputs.corrections,
        )
        new = list(itertools.chain.from_iterable(found))
        report.changed += legs.replace_between(connection, device_id, start_us, end_us, new)
        touched = from_us(start_us).date(), from_us(end_us).date()
        told_by = leg_days.ToldBy(inputs.hash, areas)
        leg_days.note_days(connection, device_id, due[device_id], told_by, touched)


def _reach(connection: Connection, device_id: str, start_us: int, end_us: int) -> tuple[int, int]:
    """The time of days, extended to whole journeys: those of the tracks, and those of old legs.

    A leg of a journey that has become shorter would stay behind otherwise. Legs of tracks that are
    kept without their points stay as they are.
    """
    kept_us = legs.first_segment_us(connection, device_id)
    earliest, latest = _month(start_us)[0], _month(end_us)[1] - 1
    while True:
        around = (start_us - PAUSE_US, end_us + PAUSE_US)
        spans = legs.track_spans(connection, device_id, *around)
        spans += legs.leg_spans(connection, device_id, *around)
        spans = [span for span in spans if kept_us is None or span[0] >= kept_us]
        low = max(min([start_us, *(start for start, _ in spans)]), earliest)
        high = min(max([end_us, *(end for _, end in spans)]), latest)
        if (low, high) == (start_us, end_us):
            return start_us, end_us
        start_us, end_us = low, high


def _month(time_us: int) -> tuple[int, int]:
    """When the month of a moment begins and ends.

    Journeys are cut there: that of a ship or a taxi may go on for years, and each of its days would
    read all of it.
    """
    first = from_us(time_us).date().replace(day=1)
    following = (first + 31 * ONE_DAY).replace(day=1)
    return midnight_us(first), midnight_us(following)


def _journeys(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> list[list[Points]]:
    """The points of each journey: of its tracks, one after another."""
    kept_us = legs.first_segment_us(connection, device_id)
    if kept_us is None:
        return []
    spans = [
        span
        for span in legs.track_spans(connection, device_id, start_us, end_us)
        if span[0] >= kept_us
    ]
    # one day more: where a month cuts a track, its legs end at the next point, without a hole
    first, last = from_us(start_us).date(), from_us(end_us).date() + ONE_DAY
    days = read_days(connection, device_id, first, last) if spans else {}
    whole = Points.concat([part.points for day in sorted(days) for part in days[day]])
    found: list[list[Points]] = []
    before_us: int | None = None
    for track_start_us, track_end_us in spans:
        low_us = max(track_start_us, start_us)
        while low_us <= min(track_end_us, end_us):
            _, turn_us = _month(low_us)
            points = whole.between(low_us, track_end_us + 1)
            points = points[: int(np.searchsorted(points.time_us, turn_us)) + 1]
            same_month = before_us is not None and _month(before_us)[1] == turn_us
            if same_month and before_us is not None and low_us - before_us <= PAUSE_US:
                found[-1].append(points)
            else:
                found.append([points])
            before_us = min(track_end_us, turn_us - 1)
            low_us = turn_us
    return found
