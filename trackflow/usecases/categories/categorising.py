"""Decides what tracks were for, for a device and a range of days.

The result is a function of stored rows alone: tracks, legs, stays, visits, vehicles, the rules with
the times of their uses, and the decisions of people. So recomputing in any order gives the same.
"""

import datetime as dt
import hashlib
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trackflow.categories.rules.facts import TripFacts
from trackflow.categories.rules.rules import Decision, Outcome, RulesUse, decided, use_at
from trackflow.context import Context
from trackflow.geo.time import ONE_DAY, midnight, runs_of_days
from trackflow.store.categories import categories, decisions, rule_sets, trips
from trackflow.store.categories.categories import DayState
from trackflow.store.categories.decisions import DecisionRow
from trackflow.store.categories.trips import TripRow, Vehicles
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices
from trackflow.store.devices.settings import lock_devices
from trackflow.store.transactions import MOST_DAYS
from trackflow.usecases.categories.trips import BESIDE, read_sources

CODE_VERSION = "3"
"""Part of what categories are made of: change it when the same rows give other results."""


@dataclass(slots=True)
class CategoriesReport:
    """The result of an update.

    Attributes:
        device_id: the device.
        changed: rows that are new, gone or different.
    """

    device_id: str
    changed: int = 0


@dataclass(frozen=True, slots=True)
class TripOutcome:
    """A track, what rules know about it, and what it was for.

    Attributes:
        trip: the track.
        facts: what rules know about it.
        use: the use of rules whose time it is in; None without any.
        outcome: its category and what else was decided.
    """

    trip: TripRow
    facts: TripFacts
    use: RulesUse | None
    outcome: Outcome


def update_categories(
    context: Context, device_id: str, days: Collection[dt.date], *, note: bool = True
) -> CategoriesReport:
    """Bring the categories of a device's tracks up to date; idempotent.

    Args:
        context: the store and settings.
        device_id: the device.
        days: days of UTC; the tracks that touch them are decided anew.
        note: whether to note that these days are up to date.
    """
    report = CategoriesReport(device_id)
    for first, last in runs_of_days(set(days), most=MOST_DAYS):
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            rule_sets.hold_rules(connection)
            # before what they are made of is read: what changes meanwhile makes them due again
            due = _due_states(context, connection, device_id, first, last)
            rows = _update(context, connection, first, last, report)
            if note:
                states = [state.with_outcomes(rows) for state in due.get(device_id, ())]
                categories.note_days(connection, device_id, states)
    return report


def update_between(
    context: Context,
    device_id: str | None,
    start: dt.datetime | None,
    end: dt.datetime | None,
) -> int:
    """Decide the tracks of a time, at once after a person's change; returns how many changed.

    Also those that retention keeps without their points. Days that are due stay so: what follows
    categories, such as the logbook, still has to follow.

    Args:
        context: the store and settings.
        device_id: only this device; None for all.
        start: aware; None for the beginning.
        end: aware; None for ever.
    """
    chosen = None if device_id is None else (device_id,)
    with context.store.read() as connection:
        days = trips.days_with_tracks(connection, chosen, start, end)
    return sum(
        update_categories(context, one, of_device, note=False).changed
        for one, of_device in days.items()
    )


def days_due(
    context: Context,
    device_id: str | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> dict[str, list[dt.date]]:
    """The days of devices whose categories are not made, or made of something else than is there.

    Args:
        context: the store and settings.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    with context.store.read() as connection:
        found = _due_states(context, connection, device_id, first, last)
    return {one: [state.day for state in states] for one, states in found.items()}


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
        categories.forget_days(connection, None if device_id is None else (device_id,), first, last)


def _update(
    context: Context,
    connection: Connection,
    first: dt.date,
    last: dt.date,
    report: CategoriesReport,
) -> list[dict[str, Any]]:
    """Decide the tracks of a range of days; returns their rows.

    Args:
        context: the store and settings.
        connection: in a transaction for writing; the device is locked.
        first: the first day.
        last: the last day, included.
        report: of the device; the result is added to it.
    """
    device_id = report.device_id
    start, end = midnight(first) - BESIDE, midnight(last + ONE_DAY) + BESIDE
    # a track that begins earlier and reaches into the range may end at another place now
    earliest = categories.first_row(connection, device_id, start, end)
    found = trips.read_trips(connection, (device_id,), earliest, end)
    done = list(categorised(context, connection, (device_id,), found))
    rows = [category_row(one) for one in done]
    report.changed += categories.replace_between(
        connection, device_id, earliest, end, rows, context.clock()
    )
    return rows


def _due_states(
    context: Context,
    connection: Connection,
    device_id: str | None,
    first: dt.date | None,
    last: dt.date | None,
) -> dict[str, list[DayState]]:
    hashes = _device_hashes(context, connection, device_id)
    return categories.due_days(connection, hashes, first, last)


def categorised(
    context: Context,
    connection: Connection,
    device_ids: Devices,
    found: Sequence[TripRow],
    uses: Sequence[RulesUse] | None = None,
) -> Iterator[TripOutcome]:
    """Decide tracks by rules and people.

    Args:
        context: the store and settings.
        connection: to the store.
        device_ids: the devices of the tracks; None for all.
        found: the tracks.
        uses: the uses of rules; None for the stored ones.
    """
    if not found:
        return
    if uses is None:
        starts = [trip.start_time for trip in found]
        uses = rule_sets.read_uses(connection, min(starts), max(starts))
    sources = read_sources(connection, device_ids, found, context.settings.time_zone)
    by_people = read_decisions(connection, device_ids, found)
    for trip in found:
        facts = sources.facts(trip)
        yield outcome_for(trip, facts, uses, by_people.get(trip.device_id, ()))


def outcome_for(
    trip: TripRow, facts: TripFacts, uses: Sequence[RulesUse], by_people: Sequence[Decision]
) -> TripOutcome:
    """Decide one track.

    Args:
        trip: the track.
        facts: what rules know about it.
        uses: the uses of rules.
        by_people: the decisions about its device.
    """
    use = use_at(uses, trip.start_time)
    by_rules = Outcome() if use is None else use.rules.decide(facts)
    outcome = decided(by_rules, trip.start_time, trip.end_time, by_people)
    return TripOutcome(trip, facts, use, outcome)


def read_decisions(
    connection: Connection, device_ids: Devices, found: Sequence[TripRow]
) -> dict[str, list[Decision]]:
    """The decisions of people about some tracks, by device."""
    first = min(trip.start_time for trip in found)
    last = max(trip.end_time for trip in found)
    by_device: dict[str, list[Decision]] = {}
    for row in decisions.read(connection, device_ids, first, last):
        by_device.setdefault(row.device_id, []).append(decision_of(row))
    return by_device


def decision_of(row: DecisionRow) -> Decision:
    """A stored decision as a value of the rules."""
    return Decision(
        decision_id=str(row.decision_id),
        start=row.start_time,
        end=row.end_time,
        origin=row.origin,
        order=(row.decided_at, str(row.decision_id)),
        category=row.category,
        purpose=row.purpose,
        partner=row.partner,
    )


def category_row(one: TripOutcome) -> dict[str, Any]:
    """The stored form of a track's category, without its device and time of writing."""
    outcome = one.outcome
    by = outcome.origin("category")
    is_rule = by is not None and by[0] == "rule"
    has_rule = any(kind == "rule" for _, kind, _ in outcome.origins)
    return {
        "start_time": one.trip.start_time,
        "end_time": one.trip.end_time,
        "track_id": one.trip.track_id,
        "category": outcome.category,
        "purpose": outcome.purpose,
        "partner": outcome.partner,
        "rate": outcome.rate,
        "decided_by": by[0] if by else None,
        "rule_id": by[1] if by and is_rule else None,
        "rules_version": one.use.version if one.use and has_rule else None,
        "decision_id": uuid.UUID(by[1]) if by and not is_rule else None,
        "origins": {name: [kind, ident] for name, kind, ident in outcome.origins},
    }


def _device_hashes(
    context: Context, connection: Connection, device_id: str | None
) -> dict[str, str]:
    """For each device a hash of what all of its days are made of: zone, vehicles and drivers."""
    chosen = None if device_id is None else (device_id,)
    vehicles = trips.read_vehicles(connection, chosen)
    default = context.settings.time_zone
    return {
        one: _hash(zone or default, one, vehicles)
        for one, zone in trips.read_zones(connection, chosen).items()
    }


def _hash(zone: str, device_id: str, vehicles: Vehicles) -> str:
    used = vehicles.of_devices.get(device_id, [])
    names = sorted({assignment.name for assignment in used})
    content = (
        CODE_VERSION,
        zone,
        used,
        [(name, vehicles.plates.get(name), vehicles.drivers.get(name)) for name in names],
    )
    return hashlib.blake2b(repr(content).encode(), digest_size=12).hexdigest()
