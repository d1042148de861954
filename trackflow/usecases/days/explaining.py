"""Explains the class of a device's point."""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.store.devices import settings
from trackflow.store.intake import hidings, points
from trackflow.store.intake.hidings import StoredHiding
from trackflow.tracks.explain import Explanation, Finding, explain

AROUND = dt.timedelta(days=1)
"""Points this far to both sides are read: more than any rule needs."""


def explain_moment(context: Context, device_id: str, moment: dt.datetime) -> Explanation:
    """The explanation of the point of `device_id` nearest to `moment`.

    Raises:
        SettingsError: the device is unknown.
        BadInputError: it has no point within a day of that moment.
    """
    with context.store.read() as connection:
        settings.known(device_id, settings.device_ids(connection))
        device = settings.read_device(connection, device_id)
        start, end = to_us(moment - AROUND), to_us(moment + AROUND)
        visible, hidden = points.read_split(connection, device_id, start, end)
        if not len(visible) and not len(hidden):
            raise BadInputError(f"{device_id} has no point within a day of {moment.isoformat()}")
        nearest = _nearest(Points.concat([visible, hidden]), to_us(moment))
        if int(nearest.time_us[0]) in hidden.time_us:
            by = hidings.read(connection, device_id)
            return _hidden(nearest, to_us(moment), by)
    return explain(visible, to_us(moment), device.thresholds, hidden.time_us)


def _nearest(found: Points, moment_us: int) -> Points:
    """The point nearest to a moment, the earlier of two."""
    away_us = np.abs(found.time_us - moment_us)
    row = int(np.lexsort((found.time_us, away_us))[0])
    return found[slice(row, row + 1)]


def _hidden(point: Points, asked_us: int, by: Sequence[StoredHiding]) -> Explanation:
    """The explanation of a hidden point, with all hidings that cover it."""
    findings = tuple(
        Finding("hidden", _why_hidden(one)) for one in by if one.rule.covers(point).any()
    )
    return Explanation(int(point.time_us[0]), asked_us, "hidden", findings)


def _why_hidden(one: StoredHiding) -> str:
    start = "" if one.start_time is None else f" from {one.start_time:%Y-%m-%dT%H:%M:%SZ}"
    end = "" if one.end_time is None else f" until {one.end_time:%Y-%m-%dT%H:%M:%SZ}"
    where = "" if one.area is None else " in an area"
    return (
        f"on {one.hidden_at:%Y-%m-%d}, {one.hidden_by} hid the points of this device"
        f"{start}{end}{where}: `trackflow points restore {one.hiding_id}` restores them."
    )
