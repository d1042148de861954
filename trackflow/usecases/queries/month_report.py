"""The month of a device: its numbers by day and by mode, its trips, and where it was."""

import datetime as dt
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.calendar_days import begin_of
from trackflow.geo.periods import By, Period, check_days, month_named
from trackflow.geo.time import ONE_DAY
from trackflow.places.towns import load_towns
from trackflow.store.database import Connection
from trackflow.store.days.tracks import TrackRow, track_rows
from trackflow.store.days.travel_rows import Per
from trackflow.usecases.devices.settings import check_device
from trackflow.usecases.queries.numbers import NumbersQuery, NumbersReport, read_numbers
from trackflow.usecases.queries.visited import VisitedReport, read_visited


@dataclass(frozen=True, slots=True)
class MonthTrip:
    """A trip of the month; all of it, also what lies in the next month.

    Attributes:
        start: when it began, in the stated zone.
        end: when it ended.
        start_town: the town where it began; None outside of towns.
        end_town: the town where it ended.
        distance_m: its length.
        max_speed_kmh: its highest speed.
        category: what it was for; None where nothing says so.
    """

    start: dt.datetime
    end: dt.datetime
    start_town: str | None
    end_town: str | None
    distance_m: float
    max_speed_kmh: float
    category: str | None


@dataclass(frozen=True, slots=True)
class MonthNumbers:
    """What the report of a device's month shows.

    Attributes:
        device_id: the device.
        month: such as 2026-11.
        days: the numbers by day.
        modes: the numbers by travel mode.
        trips: those that begin in the month, in order.
        visited: countries and towns.
    """

    device_id: str
    month: str
    days: NumbersReport
    modes: NumbersReport
    trips: list[MonthTrip]
    visited: VisitedReport


def read_month(context: Context, device_id: str, month: str) -> MonthNumbers:
    """The month of a device, in the stated time zone.

    Raises:
        BadInputError: this is no month.
        NotFoundError: there is no such device.
    """
    period = month_named(month)
    check_days(*period)
    check_device(context, device_id)
    with context.store.read() as connection:
        trips = _trips(connection, device_id, period, context)
    wanted = NumbersQuery(*period, by=By.DAY, device_ids=(device_id,))
    of_modes = NumbersQuery(*period, by=By.MONTH, per=Per.MODE, device_ids=(device_id,))
    return MonthNumbers(
        device_id,
        month,
        read_numbers(context, wanted),
        read_numbers(context, of_modes),
        trips,
        read_visited(context, wanted),
    )


def _trips(
    connection: Connection, device_id: str, period: Period, context: Context
) -> list[MonthTrip]:
    zone = context.settings.zone
    start, end = begin_of(period.first, zone), begin_of(period.last + ONE_DAY, zone)
    return [
        MonthTrip(
            row["start_time"].astimezone(zone),
            row["end_time"].astimezone(zone),
            *_towns(row),
            row["distance_m"],
            row["max_speed_kmh"],
            row["category"],
        )
        for row in track_rows(connection, start, end, device_id)
        if row["start_time"] >= start
    ]


def _towns(row: TrackRow) -> tuple[str | None, str | None]:
    lon, lat = polylines.decode(row["raw_polyline"])
    if not len(lon):
        return None, None
    towns = [load_towns().at(float(lon[k]), float(lat[k])) for k in (0, -1)]
    first, last = (town and town.name for town in towns)
    return first, last
