"""Race tracks as people see them: with the coordinates and the mesh that trackflow found."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from trackflow.catalogue.records import FIELDS, CatalogueTrack
from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.store.catalogue import change_log
from trackflow.store.catalogue import tracks as stored_tracks
from trackflow.store.catalogue.change_log import ChangeKind, LoggedChange
from trackflow.store.catalogue.tracks import CatalogueRow
from trackflow.usecases.catalogue.sources import source_named
from trackflow.usecases.catalogue.status import MOST_LISTED, as_dict, list_tracks
from trackflow.usecases.meshes.race_tracks import meshes_of_logos
from trackflow.usecases.places.geocoding import GeocodedPlace, located_tracks

__all__ = ["COLUMNS", "ChangeKind", "exported_tracks", "read_track", "shown_tracks"]

COLUMNS = (*FIELDS, "is_active", "misses", "created_at", "updated_at", "coordinates_from")
"""Columns of an exported race track."""


def shown_tracks(
    context: Context, source: str, rows: Sequence[CatalogueRow]
) -> list[dict[str, Any]]:
    """Rows of a source as they are shown, in their order.

    `coordinates_from` names the origin of the coordinates: the source, or the geocoder that knew
    the address. `mesh_id` is the newest finished mesh of the logo.
    """
    known = located_tracks(context, source)
    meshes = meshes_of_logos(context, source, [row.track.slug for row in rows])
    return [
        _located(as_dict(row), known.get(row.track.slug)) | {"mesh_id": meshes.get(row.track.slug)}
        for row in rows
    ]


def _located(values: dict[str, Any], found: GeocodedPlace | None) -> dict[str, Any]:
    if values["longitude"] is not None:
        return values | {"coordinates_from": "source"}
    if found is None or found.coordinates is None:
        return values | {"coordinates_from": None}
    return values | asdict(found.coordinates) | {"coordinates_from": found.geocoder}


def exported_tracks(
    context: Context, source: str, *, active: bool | None = True, text: str = "", country: str = ""
) -> Iterator[dict[str, Any]]:
    """All race tracks that `list_tracks` finds for these arguments, with the values of `COLUMNS`.

    Raises:
        BadInputError: there is no such source.
    """
    name = source_named(context.settings, source).source
    known = located_tracks(context, name)
    after = ""
    while True:
        rows = list_tracks(
            context,
            name,
            active=active,
            text=text,
            country=country,
            limit=MOST_LISTED,
            after=after,
        )
        for row in rows:
            yield _located(as_dict(row), known.get(row.track.slug))
        if len(rows) < MOST_LISTED:
            return
        after = rows[-1].track.slug


def read_track(context: Context, source: str, slug: str) -> dict[str, Any]:
    """A race track with its `history`: what the last syncs changed of it, the newest first.

    Raises:
        BadInputError: there is no such source.
        NotFoundError: the source has no such track.
    """
    name = source_named(context.settings, source).source
    with context.store.read() as connection:
        row = stored_tracks.find_row(connection, name, slug)
        logged = change_log.changes_of_row(connection, name, slug)
    if row is None:
        raise NotFoundError(
            f"the source {name} has no race track {slug!r}; see `trackflow catalogue list`"
        )
    (shown,) = shown_tracks(context, name, [row])
    return shown | {"source": name, "history": [_history_entry(one) for one in logged]}


def _history_entry(logged: LoggedChange) -> dict[str, Any]:
    before, after = logged.change.before, logged.change.after
    return {
        "sync_id": str(logged.sync_id),
        "at": logged.started_at,
        "undone_at": logged.undone_at,
        "kind": logged.change.kind,
        "fields": [] if before is None else _differences(before.track, after.track),
    }


def _differences(before: CatalogueTrack, after: CatalogueTrack) -> list[dict[str, str | None]]:
    values = [(name, getattr(before, name), getattr(after, name)) for name in FIELDS]
    return [
        {"field": name, "before": _text(old), "after": _text(new)}
        for name, old, new in values
        if old != new
    ]


def _text(value: Any) -> str | None:
    """A value as text: a changed field may be of any kind."""
    if value is None or isinstance(value, bool):
        return {None: None, True: "yes", False: "no"}[value]
    return str(value)
