"""The track of an id; ids that it had before lead to it as well."""

import datetime as dt
import uuid
from typing import Any

from trackflow.errors import GoneError, NotFoundError
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.store.database import Connection
from trackflow.store.days import track_ids, tracks
from trackflow.store.days.track_ids import FormerTrack
from trackflow.store.devices import settings
from trackflow.store.intake import points
from trackflow.tracks.explain import Explanation, explain
from trackflow.tracks.thresholds import Thresholds


def track_by_id(connection: Connection, track_id: uuid.UUID) -> Any:
    """The row of a track, as `tracks.read_one` gives it.

    Raises:
        GoneError: there was one, and its points are no track any more; the message says why.
        NotFoundError: there never was one.
    """
    found = track_ids.resolve(connection, track_id)
    if isinstance(found, FormerTrack):
        raise GoneError(_why_gone(connection, found))
    row = None if found is None else tracks.read_one(connection, found)
    if row is None:
        raise NotFoundError(f"there is no track {track_id}; see `trackflow tracks`")
    return row


def explain_moment(
    around: Points, hidden: Points, moment: dt.datetime, thresholds: Thresholds
) -> Explanation | None:
    """The explanation of the point at a moment; None if the point is not to be seen any more.

    Args:
        around: the points around it.
        hidden: those around it that are hidden.
        moment: the time of the point.
        thresholds: the limits.
    """
    if not len(around):
        return None
    found = explain(around, to_us(moment), thresholds, hidden.time_us)
    return found if found is not None and found.time_us == to_us(moment) else None


def _why_gone(connection: Connection, former: FormerTrack) -> str:
    """The reason that the beginning of a former track belongs to no track any more."""
    if former.start_time is None:
        return "this track was deleted: it is older than what is kept (TRACKFLOW_RETENTION_DAYS)"
    start_us = to_us(former.start_time)
    thresholds = settings.read_device(connection, former.device_id).thresholds
    reach_us = round(thresholds.reach_s * 1e6) + 1
    around, hidden = points.read_split(
        connection, former.device_id, start_us - reach_us, start_us + reach_us
    )
    if start_us in hidden.time_us:
        return "this is no track any more: a person has hidden its first point"
    found = explain_moment(around, hidden, former.start_time, thresholds)
    if found is None:
        return "this is no track any more: its first point is not stored any more"
    if found.track is not None:
        return "this is no track any more: what is left of it is too short to be one"
    return f"this is no track any more: its first point is {found.kind}, {found.findings[0].text}"
