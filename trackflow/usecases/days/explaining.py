"""Explains the class of a device's point."""

import datetime as dt

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo.time import to_us
from trackflow.store.devices import settings
from trackflow.store.intake import points
from trackflow.tracks.explain import Explanation, explain

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
        found = points.read_points(connection, device_id, start, end)
    if not len(found):
        raise BadInputError(f"{device_id} has no point within a day of {moment.isoformat()}")
    return explain(found, to_us(moment), device.thresholds)
