"""Days on real roads that keep the workers of several machines busy for a while."""

import datetime as dt
from collections.abc import Sequence

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.matching.engines.protocol import Engine
from trackflow_tests.helpers.drives import a_tour, driven
from trackflow_tests.helpers.stores import batch_of_device, deliver

HOURS = (6, 9, 12, 15, 18, 23.75)
"""When each tour of half an hour begins; the last one goes on after midnight."""


def deliver_busy_days(
    context: Context,
    engine: Engine,
    *,
    first_day: dt.date,
    devices: int,
    days: int,
    every_s: float = 2.0,
    hours: Sequence[float] = HOURS,
) -> None:
    """Let the points of some devices come in, each on every day.

    Args:
        context: the store.
        engine: knows the roads.
        first_day: the first of the days.
        devices: how many there are.
        days: how many days.
        every_s: between two points.
        hours: of the day at which the tours begin.
    """
    start = dt.datetime.combine(first_day, dt.time(), dt.UTC)
    for device in range(devices):
        lon, lat = a_tour(engine, seed=device)
        parts = [
            driven(
                lon,
                lat,
                every_s=every_s,
                seed=100 * device + day,
                start_us=to_us(start + dt.timedelta(days=day, hours=hour)),
            )
            for day in range(days)
            for hour in hours
        ]
        deliver(context.store, batch_of_device(f"device-{device:02}", Points.concat(parts)))
