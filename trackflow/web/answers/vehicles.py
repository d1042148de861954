"""Vehicles of the logbook: devices, drivers, odometers, and rates."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, TypedDict

from trackflow.mileage.rates import Rate
from trackflow.usecases.mileage.fleet import AssignmentRow, Vehicle
from trackflow.web.answers.describing import described, shows


@described
class ReadingAnswer(TypedDict):
    """What a person read from an odometer."""

    reading_id: uuid.UUID
    odometer_m: int
    read_at: dt.datetime


@described
class OdometerAnswer(TypedDict):
    """A reading that counts."""

    reading_id: uuid.UUID
    vehicle_id: str
    read_at: dt.datetime
    odometer_m: int
    recorded_by: str
    recorded_at: dt.datetime


@described
class OdometersAnswer(TypedDict):
    """Readings of odometers."""

    readings: list[OdometerAnswer]
    """By vehicle and time."""


@described
class VehicleDeviceAnswer(TypedDict):
    """A device in a vehicle."""

    vehicle_id: str
    device_id: str
    from_time: dt.datetime | None
    """Null for the beginning."""
    until_time: dt.datetime | None
    """Null for ever."""


@described
class VehicleDriverAnswer(TypedDict):
    """A driver of a vehicle."""

    vehicle_id: str
    driver: str
    from_time: dt.datetime | None
    """Null for the beginning."""
    until_time: dt.datetime | None
    """Null for ever."""


@described
class AssignmentsAnswer(TypedDict):
    """What people said about vehicles, by vehicle and time."""

    devices: list[VehicleDeviceAnswer]
    drivers: list[VehicleDriverAnswer]


@described
class VehicleAnswer(TypedDict):
    """A vehicle."""

    vehicle_id: str
    plate: str | None
    kind: str
    """car, van, lorry, motorcycle, bicycle or other."""
    time_zone: str | None
    """Of its book; null for that of the settings."""
    closed_from: dt.datetime | None
    """From when on its book is closed; null from the beginning, or before the first closing."""
    closed_until: dt.datetime | None
    """Until when its book is closed; null before the first closing."""


@described
class VehiclesAnswer(TypedDict):
    """Vehicles."""

    vehicles: list[VehicleAnswer]


@described
class TierAnswer(TypedDict):
    """An amount per unit up to so many units in a year."""

    up_to: str | None
    """Null: without limit."""
    amount: str


@described
class RateAnswer(TypedDict):
    """What is paid per kilometre or mile. Numbers are text: decimals."""

    rate_id: str
    valid_from: dt.date
    valid_until: dt.date | None
    category: str | None
    """Of these trips only; null for all."""
    vehicle_kind: str | None
    currency: str
    unit: str
    """km or mi."""
    tiers: list[TierAnswer]
    year_start: str
    """Month and day on which the year of the tiers begins."""
    per: str
    """Whose year it is: vehicle, or driver (over all vehicles)."""
    source: str | None


@described
class RatesAnswer(TypedDict):
    """The table of rates."""

    rates: list[RateAnswer]
    missing: list[str]
    """Rates that the rules in use name, and the table lacks: their trips are paid nothing."""


def vehicle_answer(one: Vehicle) -> VehicleAnswer:
    """A vehicle."""
    return {
        "vehicle_id": one.vehicle_id,
        "plate": one.plate,
        "kind": one.kind,
        "time_zone": one.time_zone,
        "closed_from": one.closed_from,
        "closed_until": one.closed_until,
    }


def vehicles_answer(found: Sequence[Vehicle]) -> VehiclesAnswer:
    """Vehicles."""
    return {"vehicles": [vehicle_answer(one) for one in found]}


def rates_answer(found: Sequence[Rate], missing: Sequence[str]) -> RatesAnswer:
    """The table of rates."""
    return {
        "rates": [
            {
                "rate_id": one.rate_id,
                "valid_from": one.valid_from,
                "valid_until": one.valid_until,
                "category": one.category,
                "vehicle_kind": one.vehicle_kind,
                "currency": one.currency,
                "unit": one.unit,
                "tiers": [
                    {
                        "up_to": None if tier.up_to is None else str(tier.up_to),
                        "amount": str(tier.amount),
                    }
                    for tier in one.tiers
                ],
                "year_start": f"{one.year_start[0]:02}-{one.year_start[1]:02}",
                "per": one.per,
                "source": one.source,
            }
            for one in found
        ],
        "missing": list(missing),
    }


def odometers_answer(found: Sequence[dict[str, Any]]) -> OdometersAnswer:
    """Readings of odometers."""
    return {
        "readings": [
            {
                "reading_id": one["reading_id"],
                "vehicle_id": one["vehicle_id"],
                "read_at": one["read_at"],
                "odometer_m": one["odometer_m"],
                "recorded_by": one["recorded_by"],
                "recorded_at": one["recorded_at"],
            }
            for one in found
        ]
    }


def assignments_answer(
    devices: Sequence[AssignmentRow], drivers: Sequence[AssignmentRow]
) -> AssignmentsAnswer:
    """Devices and drivers of vehicles."""
    return {
        "devices": [
            {
                "vehicle_id": one.vehicle_id,
                "device_id": one.name,
                "from_time": one.from_time,
                "until_time": one.until_time,
            }
            for one in devices
        ],
        "drivers": [
            {
                "vehicle_id": one.vehicle_id,
                "driver": one.name,
                "from_time": one.from_time,
                "until_time": one.until_time,
            }
            for one in drivers
        ],
    }


_START = dt.datetime(2026, 9, 21, 6, 27, 10, tzinfo=dt.UTC)
_ID = uuid.UUID("6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4")
_VEHICLE = Vehicle("van", "ABC-123", "van", None, None, None, _START)
_READING = {"reading_id": _ID, "odometer_m": 48_210_500, "read_at": _START}

VEHICLES = shows(VehiclesAnswer, vehicles_answer([_VEHICLE]))
VEHICLE = shows(VehicleAnswer, vehicle_answer(_VEHICLE))
READING = shows(ReadingAnswer, _READING, status=201)
READINGS = shows(
    OdometersAnswer,
    odometers_answer(
        [{**_READING, "vehicle_id": "van", "recorded_by": "ada", "recorded_at": _START}]
    ),
)
ASSIGNMENTS = shows(
    AssignmentsAnswer,
    assignments_answer(
        [AssignmentRow("van", "van-7", None, None)],
        [AssignmentRow("van", "Ada Lovelace", _START, None)],
    ),
)
RATES = shows(RatesAnswer, rates_answer([], []))
