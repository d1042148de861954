"""Corrections of travel modes: what a person decides for a time, and takes back."""

import datetime as dt
import uuid
from dataclasses import replace

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.store.categories import corrections, leg_days
from trackflow.store.categories.corrections import StoredCorrection as StoredCorrection
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices
from trackflow.store.devices.settings import device_ids, known, lock_devices
from trackflow.usecases.categories.following import follow_between

__all__ = ["StoredCorrection", "correct_mode", "list_corrections", "undo_correction"]


def correct_mode(
    context: Context,
    device_id: str,
    start: dt.datetime,
    end: dt.datetime,
    mode: Mode,
    *,
    decided_by: str,
) -> StoredCorrection:
    """Decide the mode of a device for a time; its legs follow at once.

    Args:
        context: the store.
        device_id: the device.
        start: from when it counts, UTC.
        end: until when it counts, UTC.
        mode: the mode.
        decided_by: the person.

    Raises:
        SettingsError: there is no such device.
        BadInputError: the time ends before it begins.
    """
    if end <= start:
        raise BadInputError("a correction ends after it begins")
    one = StoredCorrection(
        uuid.uuid4(), device_id, start, end, mode, decided_by, context.clock(), None
    )
    with context.store.write() as connection:
        known(device_id, device_ids(connection))
        lock_devices(connection, [device_id])
        corrections.add(connection, one)
        _due_again(connection, one)
    follow_between(context, one.device_id, one.start_time, one.end_time)
    return one


def undo_correction(context: Context, correction_id: uuid.UUID) -> StoredCorrection:
    """Take a correction back; its legs follow at once. Undoing it again changes nothing.

    Raises:
        NotFoundError: there is no such correction.
    """
    with context.store.write() as connection:
        one = corrections.read_one(connection, correction_id)
        if one is None:
            raise NotFoundError(
                f"there is no correction {correction_id}; see `trackflow legs list`"
            )
        lock_devices(connection, [one.device_id])
        now = context.clock()
        if corrections.undo(connection, correction_id, now):
            one = replace(one, undone_at=now)
        _due_again(connection, one)
    follow_between(context, one.device_id, one.start_time, one.end_time)
    return one


def list_corrections(
    context: Context,
    device_ids: Devices = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    *,
    with_undone: bool = False,
) -> list[StoredCorrection]:
    """Corrections whose time touches `[start, end]`, in the order in which they were decided.

    Args:
        context: the store.
        device_ids: the devices; None for all.
        start: aware; None for no limit.
        end: aware; None for no limit.
        with_undone: whether those that were undone are among them.
    """
    with context.store.read() as connection:
        return corrections.read(connection, device_ids, start, end, with_undone=with_undone)


def _due_again(connection: Connection, one: StoredCorrection) -> None:
    first, last = one.start_time.date(), one.end_time.date()
    leg_days.forget_days(connection, (one.device_id,), first, last)
