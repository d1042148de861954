"""Follows tracks: brings what is made of them up to date, step by step and device by device."""

import datetime as dt
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from trackflow.concurrency.switch import Stop
from trackflow.context import Context
from trackflow.errors import StoreUnavailableError, TrackflowError
from trackflow.geo.time import days_around
from trackflow.store.devices.settings import device_ids, known
from trackflow.store.housekeeping.counters import CounterKey
from trackflow.store.transactions import MOST_DAYS, TRANSACTION_RETRY
from trackflow.usecases.categories import categorising, legs
from trackflow.usecases.housekeeping.counting import add_sums
from trackflow.usecases.mileage import entries
from trackflow.usecases.places import stays

log = logging.getLogger(__name__)

type DueDays = Mapping[str, Collection[dt.date]]
"""Days of UTC by device."""

type OnProgress = Callable[[str, int, int], None]
"""Called with a step, the number of device-days that it has done, and of all that it has to do."""


@dataclass(frozen=True, slots=True)
class FollowStep:
    """One thing that is made of tracks.

    Attributes:
        name: what it makes, in the plural.
        due: the days of a device (None for all), from a first to a last one (None for no limit),
            that it has to look at; cheap.
        forget: makes days of a device (None for all) due again, also if they have not changed.
        update: looks at days of a device, and returns how many rows are new, gone or different.
    """

    name: str
    due: Callable[[Context, str | None, dt.date | None, dt.date | None], DueDays]
    forget: Callable[[Context, str | None, dt.date | None, dt.date | None], None]
    update: Callable[[Context, str, Sequence[dt.date]], int]


@dataclass(slots=True)
class StepReport:
    """The result of one step.

    Attributes:
        name: what it makes.
        devices: those that had something to do.
        device_days: days that were looked at.
        days: the same, of any device.
        changed: rows that are new, gone or different.
        failed_days: device-days that could not be made.
        errors: by device, what went wrong; the other devices went on.
    """

    name: str
    devices: int = 0
    device_days: int = 0
    failed_days: int = 0
    days: set[dt.date] = field(default_factory=set)
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
    def days(self) -> list[dt.date]:
        """The days that some step has looked at, in order."""
        return sorted(set().union(*(step.days for step in self.steps)))

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


STEPS: tuple[FollowStep, ...] = (
    FollowStep("legs", legs.days_due, legs.forget, lambda *given: legs.update_legs(*given).changed),
    FollowStep(
        "stays", stays.days_due, stays.forget, lambda *given: stays.update_stays(*given).changed
    ),
    FollowStep(
        "categories",
        categorising.days_due,
        categorising.forget,
        lambda *given: categorising.update_categories(*given).changed,
    ),
    FollowStep(
        "logbook entries",
        entries.days_due,
        entries.forget,
        lambda *given: entries.update_entries(*given).total,
    ),
)
"""In their order: each reads what those before it have made."""


def days_to_follow(
    context: Context, first: dt.date | None = None, last: dt.date | None = None
) -> list[dt.date]:
    """The days that some step has to look at, in order; cheap.

    Args:
        context: the store.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    due: set[dt.date] = set()
    for step in STEPS:
        due.update(*step.due(context, None, first, last).values())
    return sorted(due)


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
        stop: ends it after the days under way.
        on_progress: called after each month of a device.

    Raises:
        SettingsError: there is no such device.
        StoreUnavailableError: the database went away.
    """
    if device_id is not None:
        with context.store.read() as connection:
            known(device_id, device_ids(connection))
    if everything:
        for step in STEPS:
            step.forget(context, device_id, first, last)
    report = FollowReport()
    seconds: dict[str, float] = {}
    for step in STEPS:
        started = time.perf_counter()
        report.steps.append(StepReport(step.name))
        due = step.due(context, device_id, first, last)
        is_whole = _take_step(context, step, due, report.steps[-1], stop, on_progress)
        if due:
            seconds[step.name] = time.perf_counter() - started
        if not is_whole:
            report.stopped = True
            break
    if seconds:
        add_sums(context, _sums(report), seconds)
    return report


def _sums(report: FollowReport) -> Counter[CounterKey]:
    sums: Counter[CounterKey] = Counter()
    for step in report.steps:
        sums["batches", step.name, "done"] = step.device_days
        sums["batches", step.name, "failed"] = step.failed_days
    return sums


def follow_between(
    context: Context, device_id: str | None, start: dt.datetime | None, end: dt.datetime | None
) -> FollowReport:
    """Follow the tracks of a time at once, after a person's change: it is looked at next.

    Args:
        context: the store.
        device_id: only this device; None for all.
        start: aware; None for the beginning.
        end: aware; None for ever.
    """
    first, last = days_around(start, end)
    return follow_tracks(context, device_id=device_id, first=first, last=last)


def decide_between(
    context: Context, device_id: str | None, start: dt.datetime | None, end: dt.datetime | None
) -> tuple[int, FollowReport]:
    """Decide the tracks of a time anew, and follow them.

    Returns how many tracks changed, and what following them gave.

    Args:
        context: the store and settings.
        device_id: only this device; None for all.
        start: aware; None for the beginning.
        end: aware; None for ever.
    """
    changed = categorising.update_between(context, device_id, start, end)
    return changed, follow_between(context, device_id, start, end)


def _take_step(
    context: Context,
    step: FollowStep,
    due: DueDays,
    result: StepReport,
    stop: Stop | None,
    on_progress: OnProgress,
) -> bool:
    """Do one step for the devices that need it; returns whether it was not stopped.

    Args:
        context: the store.
        step: what to update.
        due: the days that it has to look at.
        result: is added to.
        stop: ends it after the days under way.
        on_progress: called after each month of a device.
    """
    done, total = 0, sum(map(len, due.values()))
    result.devices = len(due)
    for device_id, days in due.items():
        for part in itertools.batched(sorted(days), MOST_DAYS):
            if stop is not None and stop.is_set():
                return False
            if device_id in result.errors:
                result.failed_days += len(part)
            else:
                _update(context, step, device_id, part, result)
            done += len(part)
            on_progress(step.name, done, total)
    return True


def _update(
    context: Context,
    step: FollowStep,
    device_id: str,
    days: Sequence[dt.date],
    result: StepReport,
) -> None:
    """Update days of a device, or note what went wrong.

    Steps are idempotent: one that the database breaks off (a dead lock, a lost connection) is
    repeated a few times.

    Args:
        context: the store.
        step: what to update.
        device_id: the device.
        days: its days.
        result: is added to.
    """
    try:
        result.changed += TRANSACTION_RETRY.call(lambda: step.update(context, device_id, days))
    except StoreUnavailableError:
        raise
    except TrackflowError as error:
        log.warning("%s of %s could not be made: %s", step.name, device_id, error)
        result.errors[device_id] = str(error)
        result.failed_days += len(days)
        return
    result.device_days += len(days)
    result.days.update(days)
