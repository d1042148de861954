"""From where to where the tracks of a page went."""

import uuid

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.usecases.places.ends import TrackEnds, ends_of
from trackflow.usecases.queries.tracks import TrackCursor, TrackSelection, read_tracks

__all__ = ["read_ends"]


def read_ends(
    context: Context, selection: TrackSelection
) -> tuple[list[tuple[uuid.UUID, TrackEnds]], TrackCursor | None]:
    """Tracks of a page with where they began and ended, and where the next page begins."""
    page = read_tracks(context, selection)
    lines = [(track.device_id, *polylines.decode(track.polyline)) for track in page.tracks]
    with context.store.read() as connection:
        ends = ends_of(connection, lines)
    ids = [track.track_id for track in page.tracks]
    return list(zip(ids, ends, strict=True)), page.following
