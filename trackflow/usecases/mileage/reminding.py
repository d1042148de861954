"""Reminds people of trips whose purpose is still to be given before their entries close."""

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.notifications.notifier import Message, Notifier, notifier_of
from trackflow.store.mileage import vehicles
from trackflow.usecases.mileage.books import BookTrip, list_entries

BEFORE_CLOSING = dt.timedelta(days=2)
"""How long before a trip closes people are reminded."""

MOST_LISTED = 30


@dataclass(slots=True)
class ReminderReport:
    """The result of reminding.

    Attributes:
        messages: that were sent, one per vehicle.
        trips: that they list.
    """

    messages: int = 0
    trips: int = 0


def remind(context: Context, notifier: Notifier | None = None) -> ReminderReport:
    """Send, for each vehicle, the trips that close within two days and lack a purpose.

    A message lists all trips that are due; none is sent unless one of them was in no message
    before. A vehicle notes until when its trips were listed before the message leaves, so that a
    process which dies, or a second one, sends none twice.

    Args:
        context: the store, the settings and the clock.
        notifier: by default that of the settings.
    """
    report = ReminderReport()
    now = context.clock()
    until = now + BEFORE_CLOSING
    sender = notifier_of(context.settings) if notifier is None else notifier
    lacking = list_entries(context, only_needing_purpose=True)
    for vehicle_id, found in itertools.groupby(lacking, lambda one: one.entry.vehicle_id):
        due = [one for one in found if not one.is_closed and one.entry.closes_at <= until]
        if not due:
            continue
        last = max(one.entry.closes_at for one in due)
        with context.store.write() as connection:
            is_new = vehicles.claim_reminder(connection, vehicle_id, last)
        if is_new:
            sender.send(_title(vehicle_id, due), _body(due), Message(is_trouble=False))
            report.messages += 1
            report.trips += len(due)
    return report


def _title(vehicle_id: str, due: Sequence[BookTrip]) -> str:
    trips = "1 trip" if len(due) == 1 else f"{len(due):,} trips"
    needs = "needs" if len(due) == 1 else "need"
    return f"trackflow: {trips} of {vehicle_id} still {needs} a purpose"


def _body(due: Sequence[BookTrip]) -> str:
    """Times and kilometres only: messages pass through services of others."""
    lines = [
        f"- {one.content['start_time'][:16].replace('T', ' ')}, "
        f"{one.content['distance_m'] / 1000:,.1f} km, closes {one.entry.closes_at:%Y-%m-%d %H:%M} "
        f"UTC, {one.entry.entry_id}"
        for one in due[:MOST_LISTED]
    ]
    if len(due) > MOST_LISTED:
        lines.append(f"- and {len(due) - MOST_LISTED:,} more")
    advice = "Say what they were for: `trackflow categories set`. `trackflow logbook list "
    return "\n".join([*lines, "", f"{advice}--needs-purpose` shows where they went."])
