"""The job "rebuild": recompute all stages of some days, in slices, at a person's request.

A slice is marked as pending in the transaction that notes the job's progress; then it is processed
like any pending batch. A job that was killed goes on with its current slice: marked batches are
done by then or still pending. Days beyond the slice are untouched, so a cancelled job leaves
nothing half done.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo.time import ONE_DAY
from trackflow.store.database import Connection
from trackflow.store.days import selected_batches
from trackflow.store.days.selected_batches import BatchSelection
from trackflow.store.devices import settings
from trackflow.store.tables import STAGES
from trackflow.usecases.days.report import RunReport, counted
from trackflow.usecases.days.run import BACKGROUND_NICE, run
from trackflow.usecases.days.worker_pool import WorkerPool, worker_pool
from trackflow.usecases.jobs.progress import ClaimedJob

SLICE_BATCHES = 256
"""Some ten seconds of work: a cancelled job may go on for so long, and a killed one repeats so
much. A slice is never less than a day."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """Days that are marked and processed together."""

    first: dt.date
    last: dt.date
    batches: int

    def as_json(self) -> dict[str, Any]:
        return {
            "from": self.first.isoformat(), "to": self.last.isoformat(), "batches": self.batches,
        }  # fmt: skip

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "_Slice":
        first, last = (dt.date.fromisoformat(stored[name]) for name in ("from", "to"))
        return cls(first, last, stored["batches"])


def check_rebuild(context: Context, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters; returns them as they are stored.

    Raises:
        BadInputError: the days make no sense.
        SettingsError: there is no such device.
    """
    wanted = _selection_of(parameters)
    if wanted.device_id is not None:
        with context.store.read() as connection:
            settings.known(wanted.device_id, settings.device_ids(connection))
    return {
        "from": wanted.first.isoformat() if wanted.first else None,
        "to": wanted.last.isoformat() if wanted.last else None,
        "device": wanted.device_id,
    }


def rebuild(
    context: Context, claimed: ClaimedJob, slice_batches: int = SLICE_BATCHES
) -> dict[str, Any]:
    """Process all slices, from where the job stopped; returns its result.

    `slice_batches` is the largest number of batches of a slice of several days.

    Raises:
        CancelledError: a person has cancelled the job.
        StaleClaimError: another worker has taken the job over.
    """
    wanted = _selection_of(claimed.job.parameters)
    stored = claimed.job.result or {}
    done = {name: stored.get(name, 0) for name in ("batches", "failed", "waiting")}

    def mark_next(wanted: BatchSelection) -> _Slice | None:
        return _mark_next(context, claimed, wanted, done, slice_batches)

    with worker_pool(context.settings, nice=BACKGROUND_NICE) as pool:
        if "slice" not in stored:
            current = mark_next(wanted)
        else:
            current = _Slice.of(stored["slice"])
            if stored["is_done"]:
                current = mark_next(_after(wanted, current.last))
        while current is not None:
            report = _run_slice(context, claimed, pool, wanted, current, done["batches"])
            _count(done, report, current)
            with context.store.write() as connection:
                _note(connection, claimed, done, current, is_done=True)
            claimed.stop_if_cancelled()
            current = mark_next(_after(wanted, current.last))
    return done


def _mark_next(
    context: Context,
    claimed: ClaimedJob,
    wanted: BatchSelection,
    done: Mapping[str, int],
    slice_batches: int,
) -> _Slice | None:
    """Mark the next days that hold enough batches, and note it; None after the last.

    Args:
        context: the store and its surroundings.
        claimed: the job.
        wanted: what is still to be processed.
        done: the job's counts so far.
        slice_batches: see `rebuild`.
    """
    with context.store.write() as connection:
        found = _next_slice(connection, wanted, slice_batches)
        if found is None:
            return None
        rest = selected_batches.count(connection, wanted)
        chosen = BatchSelection(found.first, found.last, wanted.device_id)
        selected_batches.mark_again(connection, chosen, context.clock())
        total = done["batches"] + rest
        message = f"days from {found.first} to {found.last}"
        _note(connection, claimed, done, found, is_done=False, total=total, message=message)
    return found


def _note(
    connection: Connection,
    claimed: ClaimedJob,
    done: Mapping[str, int],
    current: _Slice,
    *,
    is_done: bool,
    **more: Any,
) -> None:
    result = {**done, "slice": current.as_json(), "is_done": is_done}
    claimed.advance(connection, done["batches"], failed=done["failed"], result=result, **more)


def _next_slice(
    connection: Connection, wanted: BatchSelection, slice_batches: int
) -> _Slice | None:
    days: list[dt.date] = []
    count = 0
    for day, found in selected_batches.counts_by_day(connection, wanted, slice_batches):
        if days and count + found > slice_batches:
            break
        days.append(day)
        count += found
    return _Slice(days[0], days[-1], count) if days else None


def _run_slice(
    context: Context,
    claimed: ClaimedJob,
    pool: WorkerPool,
    wanted: BatchSelection,
    current: _Slice,
    before: int,
) -> RunReport:
    def on_progress(stage: str, done: int, total: int) -> None:
        share = (STAGES.index(stage) + done / max(total, 1)) / len(STAGES)
        claimed.beat(before + int(current.batches * share))

    return run(
        context,
        # journeys over midnight belong to the neighbouring days as well
        first=current.first - ONE_DAY,
        last=current.last + ONE_DAY,
        device_id=wanted.device_id,
        progress=on_progress,
        pool=pool,
    )


def _count(done: dict[str, int], report: RunReport, current: _Slice) -> None:
    days = [d for s in report.stages for d in s.days if current.first <= d.day <= current.last]
    failed = {(d.device_id, d.day) for d in days if d.error and not d.deferred}
    waiting = {(d.device_id, d.day) for d in days if d.deferred}
    done["batches"] += current.batches
    done["failed"] += len(failed)
    done["waiting"] += len(waiting - failed)


def summary(result: Mapping[str, int]) -> str:
    """The result in words, for people."""
    parts = [f"{counted(result['batches'], 'batch', 'batches')} made again"]
    if result["failed"]:
        parts.append(f"{result['failed']:,} of them failed")
    if result["waiting"]:
        parts.append(f"{result['waiting']:,} wait; see `trackflow status`")
    return ", ".join(parts)


def _day(value: object, name: str) -> dt.date | None:
    if value is None or value == "":
        return None
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise BadInputError(f"{name} is not a day; write it like 2026-01-31") from None


def _selection_of(parameters: Mapping[str, Any]) -> BatchSelection:
    """The batches that a job's parameters name.

    Raises:
        BadInputError: the days make no sense.
    """
    first, last = (_day(parameters.get(name), name) for name in ("from", "to"))
    if first and last and first > last:
        raise BadInputError(f"the first day, {first}, is after the last one, {last}")
    return BatchSelection(first, last, parameters.get("device") or None)


def _after(selection: BatchSelection, day: dt.date) -> BatchSelection:
    """The part of a selection after a day."""
    return BatchSelection(day + ONE_DAY, selection.last, selection.device_id)
