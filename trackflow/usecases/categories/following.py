"""Follows tracks: brings what is made of them up to date, step by step and device by device."""

import datetime as dt
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from trackflow.concurrency.switch import Stop
from trackflow.context import Context
from trackflow.errors import StoreUnavailableError, TrackflowError
from trackflow.store.devices.settings import device_ids, known
from trackflow.usecases.categories import categorising, legs
from trackflow.usecases.mileage import entries

log = logging.getLogger(__name__)

type DueDays = Mapping[str, Collection[dt.date]]
"""Days of UTC by device."""

type OnProgress = Callable[[str, int, int], None]
"""Called with a step, the number of devices that it has done, and of all that it has to do."""


@dataclass(frozen=True, slots=True)
class FollowStep:
    """One thing that is made of tracks.

    Attributes:
        name: what it makes, in the plural.
        due: the days that it has to look at, of one device or all; cheap.
        update: looks at days of a device, and returns how many rows are new, gone or different.
    """

    name: str
    due: Callable[[Context, str | None], DueDays]
    update: Callable[[Context, str, Collection[dt.date]], int]


@dataclass(slots=True)
class StepReport:
    """The result of one step.

    Attributes:
        name: what it makes.
        devices: those that had something to do.
        device_days: days that were looked at.
        changed: rows that are new, gone or different.
        errors: by device, what went wrong; the other devices went on.
    """

    name: str
    devices: int = 0
    device_days: int = 0
    changed: int = 0
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FollowReport:
    """The result of following; `stopped` if a stop ended it early, and the next call goes on."""

    steps: list[StepReport] = field(default_factory=list)
    stopped: bool = False

    @property
    def device_days(self) -> int:
        """The days that the step with the most of them has looked at."""
        return max((step.device_days for step in self.steps), default=0)

    @property
    def changed(self) -> dict[str, int]:
        """How many rows each step has changed."""
        return {step.name: step.changed for step in self.steps}

    @property
    def errors(self) -> dict[str, str]:
        """What went wrong, by device."""
        return {device: text for step in self.steps for device, text in step.errors.items()}

    @property
    def sentence(self) -> str:
        """The result in words."""
        days = f"{self.device_days:,} day{'' if self.device_days == 1 else 's'}"
        parts = ", ".join(f"{count:,} {name}" for name, count in self.changed.items())
        return f"{days} followed (changed: {parts})"


STEPS = (
    FollowStep("legs", legs.days_due, lambda *given: legs.update_legs(*given).changed),
    FollowStep(
        "categories",
        categorising.days_due,
        lambda *given: categorising.update_categories(*given).changed,
    ),
    FollowStep(
        "logbook entries",
        entries.days_due,
        lambda *given: sum(entries.update_entries(*given).counts),
    ),
)
"""In their order: each reads what those before it have made."""


def count_due(context: Context) -> int:
    """The number of device-days that some step has to look at; cheap."""
    due = {
        (device_id, day)
        for step in STEPS
        for device_id, days in step.due(context, None).items()
        for day in days
    }
    return len(due)


def follow_tracks(
    context: Context,
    *,
    first: dt.date | None = None,
    last: dt.date | None = None,
    device_id: str | None = None,
    everything: bool = False,
    stop: Stop | None = None,
    on_progress: OnProgress = lambda _step, _done, _total: None,
) -> FollowReport:
    """Bring legs, categories and what else is made of tracks up to date.

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
    if device_id is not None:
        with context.store.read() as connection:
            known(device_id, device_ids(connection))
    if everything:
        legs.forget(context, device_id, first, last)
    report = FollowReport()
    for step in STEPS:
        result = StepReport(step.name)
        report.steps.append(result)
        due = {
            one: within
            for one, days in step.due(context, device_id).items()
            if (within := _within(days, first, last))
        }
        for done, (one, days) in enumerate(due.items()):
            on_progress(step.name, done, len(due))
            if stop is not None and stop.is_set():
                report.stopped = True
                return report
            _follow(context, step, one, days, result)
        on_progress(step.name, len(due), len(due))
    return report


def _within(
    days: Collection[dt.date], first: dt.date | None, last: dt.date | None
) -> list[dt.date]:
    return sorted(
        day for day in days if (first is None or day >= first) and (last is None or day <= last)
    )


def _follow(
    context: Context,
    step: FollowStep,
    device_id: str,
    days: Collection[dt.date],
    result: StepReport,
) -> None:
    """Update days of a device, or note what went wrong.

    Args:
        context: the store.
        step: what to update.
        device_id: the device.
        days: its days.
        result: is added to.
    """
    result.devices += 1
    try:
        result.changed += step.update(context, device_id, days)
    except StoreUnavailableError:
        raise
    except TrackflowError as error:
        log.warning("%s of %s could not be made: %s", step.name, device_id, error)
        result.errors[device_id] = str(error)
        return
    result.device_days += len(days)
