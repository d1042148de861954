"""Follows tracks: brings what is made of them up to date, device by device."""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trackflow.concurrency.switch import Stop
from trackflow.context import Context
from trackflow.errors import StoreUnavailableError, TrackflowError
from trackflow.store.categories import legs as stored
from trackflow.store.devices.settings import device_ids, known
from trackflow.usecases.categories.legs import leg_inputs, update_legs

log = logging.getLogger(__name__)

type OnProgress = Callable[[int, int], None]
"""Called with the number of devices done, and of all."""


@dataclass(slots=True)
class FollowReport:
    """The result of following.

    Attributes:
        devices: those that had something to do.
        device_days: days whose legs were found.
        journeys: journeys that were looked at.
        changed_legs: legs that are new, gone or different.
        errors: by device, what went wrong; the other devices went on.
        stopped: whether a stop ended it early; the next call goes on.
    """

    devices: int = 0
    device_days: int = 0
    journeys: int = 0
    changed_legs: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    stopped: bool = False


def due_devices(context: Context, device_id: str | None = None) -> dict[str, list[dt.date]]:
    """Days by device whose tracks were not followed yet; cheap.

    Raises:
        SettingsError: there is no such device.
    """
    mode_map = context.mode_map()
    with context.store.read() as connection:
        ids = device_ids(connection)
        if device_id is not None:
            known(device_id, ids)
            ids = [device_id]
        found = {}
        for one in ids:
            inputs = leg_inputs(connection, one, mode_map)
            days = stored.due_days(connection, inputs.hash, one).get(one, [])
            if days:
                found[one] = [day for day, _ in days]
    return found


def follow_tracks(
    context: Context,
    *,
    first: dt.date | None = None,
    last: dt.date | None = None,
    device_id: str | None = None,
    everything: bool = False,
    stop: Stop | None = None,
    on_progress: OnProgress = lambda _done, _total: None,
) -> FollowReport:
    """Find the legs of all tracks that have changed.

    A device whose data cannot be followed is reported, and does not stop the others. A run that is
    killed loses what it was about: its days stay due.

    Args:
        context: the store.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
        device_id: only this device; None for all.
        everything: days that have not changed as well.
        stop: ends it after the device under way.
        on_progress: called after each device.

    Raises:
        SettingsError: there is no such device.
        StoreUnavailableError: the database went away.
    """
    if everything:
        with context.store.write() as connection:
            ids = device_ids(connection) if device_id is None else [device_id]
            for one in ids:
                stored.forget_days(connection, one, first or dt.date.min, last or dt.date.max)
    due = due_devices(context, device_id)
    report = FollowReport()
    for done, (one, days) in enumerate(due.items()):
        on_progress(done, len(due))
        if stop is not None and stop.is_set():
            report.stopped = True
            return report
        _follow(context, one, _within(days, first, last), report)
    on_progress(len(due), len(due))
    return report


def _within(days: Sequence[dt.date], first: dt.date | None, last: dt.date | None) -> list[dt.date]:
    return [
        day for day in days if (first is None or day >= first) and (last is None or day <= last)
    ]


def _follow(
    context: Context, device_id: str, days: Sequence[dt.date], report: FollowReport
) -> None:
    if not days:
        return
    report.devices += 1
    try:
        found = update_legs(context, device_id, days)
    except StoreUnavailableError:
        raise
    except TrackflowError as error:
        log.warning("the tracks of %s could not be followed: %s", device_id, error)
        report.errors[device_id] = str(error)
        return
    report.device_days += found.device_days
    report.journeys += found.journeys
    report.changed_legs += found.changed
