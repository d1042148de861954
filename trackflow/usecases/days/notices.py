"""Notices and guesses about stored points, for the command line, API, page and Dagster alike."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import ONE_DAY, midnight_us
from trackflow.store.database import Connection
from trackflow.store.days import noticing
from trackflow.store.days.queries import Devices
from trackflow.store.devices.settings import read_device
from trackflow.store.intake import points
from trackflow.tracks.decisions import EndReason
from trackflow.tracks.notices import (
    Notice,
    NoticeKind,
    by_urgency,
    ledger_notices,
    lone_reasons,
    odd_classes,
    quarantine_notice,
)
from trackflow.tracks.presets import PresetGuess, guess_preset
from trackflow.tracks.rollovers import rollover_notice
from trackflow.tracks.segments import Ledger
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days.report import RunReport

MOST_EXPLAINED = 20
"""Devices of which a day is read to find the reason of its lone points: some hundredths of a second
each. For other devices the notice gives no reason."""

GUESS_POINTS = 10_000
"""The newest points of a device, from which its kind is guessed: hours even at one a second."""

MOST_GUESSES = 20
"""Devices whose kind is guessed when no device is named: a hundredth of a second each."""


@dataclass(frozen=True, slots=True)
class DeviceGuess:
    """The guessed kind of a device."""

    device_id: str
    guess: PresetGuess


def read_notices(
    context: Context,
    device_ids: Devices = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> list[Notice]:
    """The notices that need a person's attention, the most points first.

    Args:
        context: the store.
        device_ids: of these devices only; None for all.
        first: days from this one on; None for all. With it or `last`, refused input is left out, as
            most of it has no day.
        last: days up to this one; None for all.
    """
    found: list[Notice] = []
    explained = 0
    with context.store.read() as connection:
        for device_id, ledgers in noticing.odd_ledgers(connection, device_ids, first, last).items():
            thresholds = _thresholds(connection, device_id)
            because = None
            if explained < MOST_EXPLAINED:
                because = _lone_because(connection, device_id, ledgers, thresholds)
                explained += because is not None
            found += ledger_notices(device_id, ledgers, thresholds, because)
        found += _rollovers(connection, context, device_ids, first, last)
        if first is None and last is None:
            found += _refused(connection, device_ids)
    return by_urgency(found)


def notices_of_run(context: Context, report: RunReport) -> list[Notice]:
    """The notices of the devices and days that a run has processed."""
    worked_on = [day for stage in report.stages for day in stage.days]
    if not worked_on:
        return []
    ids = {one.device_id for one in worked_on}
    days = [one.day for one in worked_on]
    return [n for n in read_notices(context, None, min(days), max(days)) if n.device_id in ids]


def notices_by_day(context: Context, first: dt.date, last: dt.date) -> dict[dt.date, list[Notice]]:
    """The notices of each day by itself, without the reason of lone points."""
    found: dict[dt.date, list[Notice]] = {}
    with context.store.read() as connection:
        for device_id, ledgers in noticing.odd_ledgers(connection, None, first, last).items():
            thresholds = _thresholds(connection, device_id)
            for day, ledger in ledgers.items():
                found.setdefault(day, []).extend(
                    ledger_notices(device_id, {day: ledger}, thresholds)
                )
    return {day: by_urgency(notices) for day, notices in found.items() if notices}


def read_guess(context: Context, device_id: str) -> PresetGuess | None:
    """The guessed kind of a device by its newest points; None if they are too few."""
    with context.store.read() as connection:
        return _guess(connection, device_id)


def read_guesses(context: Context, most: int = MOST_GUESSES) -> list[DeviceGuess]:
    """Guess the kind of the first devices without a preset."""
    found = []
    with context.store.read() as connection:
        for device_id in noticing.without_preset(connection, most):
            guess = _guess(connection, device_id)
            if guess is not None:
                found.append(DeviceGuess(device_id, guess))
    return found


def _guess(connection: Connection, device_id: str) -> PresetGuess | None:
    return guess_preset(points.newest_points(connection, device_id, GUESS_POINTS))


def _thresholds(connection: Connection, device_id: str) -> Thresholds:
    try:
        return read_device(connection, device_id).thresholds
    except SettingsError:  # the device's batches fail with the reason
        return Thresholds()


def _lone_because(
    connection: Connection,
    device_id: str,
    ledgers: Mapping[dt.date, Ledger],
    thresholds: Thresholds,
) -> Counter[EndReason] | None:
    """The reasons of lone points on the day with most of them; None if no such day is odd."""
    lone = {day: one.lone for day, one in ledgers.items() if NoticeKind.LONE in odd_classes(one)}
    if not lone:
        return None
    worst = max(lone, key=lambda day: (lone[day], day))
    start_us, end_us = midnight_us(worst), midnight_us(worst + ONE_DAY)
    reach_us = int((thresholds.reach_s + 1) * 1e6)
    visible, hidden = points.read_split(
        connection, device_id, start_us - reach_us, end_us + reach_us
    )
    return lone_reasons(visible, start_us, end_us, thresholds, hidden.time_us)


def _rollovers(
    connection: Connection,
    context: Context,
    device_ids: Devices,
    first: dt.date | None,
    last: dt.date | None,
) -> list[Notice]:
    today = context.clock().date()
    found = []
    for device_id in noticing.long_ago(connection, device_ids, today):
        notice = device_rollover(connection, device_id)
        if notice is None or notice.first_day is None or notice.last_day is None:
            continue
        if (first is None or notice.last_day >= first) and (
            last is None or notice.first_day <= last
        ):
            found.append(notice)
    return found


def device_rollover(connection: Connection, device_id: str) -> Notice | None:
    """The notice that times of a device lie 1,024 weeks before others, None if none do."""
    days = noticing.points_by_day(connection, device_id)
    received = noticing.received_day(connection, device_id, max(days)) if days else None
    return rollover_notice(device_id, days, received)


def _refused(connection: Connection, device_ids: Devices) -> list[Notice]:
    reasons = noticing.refused(connection, device_ids)
    totals = noticing.points_of(connection, list(reasons))
    found = (quarantine_notice(k, of_device, totals[k]) for k, of_device in reasons.items())
    return [notice for notice in found if notice is not None]
