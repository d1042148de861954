"""Coordinates of race tracks: those of their source, or those of a geocoder for their address."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.catalogue.records import FIELDS, CatalogueTrack
from trackflow.places.geocoding import Coordinates
from trackflow.store.catalogue.tables import catalogue_places, catalogue_tracks
from trackflow.store.dialects import insert_into

p, t = catalogue_places.c, catalogue_tracks.c


@dataclass(frozen=True, slots=True)
class GeocodedPlace:
    """A geocoder's answer for a track.

    Attributes:
        query: the address that was sent to it.
        geocoder: its name.
        coordinates: None if it knows no such address.
        located_at: when it answered, UTC.
    """

    query: str
    geocoder: str
    coordinates: Coordinates | None
    located_at: dt.datetime


def tracks_without_coordinates(connection: Connection) -> list[tuple[str, CatalogueTrack]]:
    """Source and track of all listed tracks whose source gives no coordinates."""
    query = (
        sa.select(t.source, *(t[name] for name in FIELDS))
        .where(t.is_active, sa.or_(t.longitude.is_(None), t.latitude.is_(None)))
        .order_by(t.source, t.slug)
    )
    return [(row[0], CatalogueTrack(*row[1:])) for row in connection.execute(query)]


def located(
    connection: Connection, source: str | None = None
) -> dict[tuple[str, str], GeocodedPlace]:
    """All answers, or those for one source's tracks, by source and slug."""
    query = sa.select(p.source, p.slug, p.query, p.geocoder, p.longitude, p.latitude, p.located_at)
    if source is not None:
        query = query.where(p.source == source)
    return {
        (row.source, row.slug): GeocodedPlace(
            row.query, row.geocoder, _coordinates(row.longitude, row.latitude), row.located_at
        )
        for row in connection.execute(query)
    }


def keep(connection: Connection, source: str, slug: str, found: GeocodedPlace) -> None:
    """Store an answer; it replaces the one before.

    Args:
        connection: in a transaction for writing.
        source: the track's source.
        slug: the track's slug.
        found: the answer.
    """
    values: dict[str, Any] = {
        "query": found.query,
        "geocoder": found.geocoder,
        "longitude": found.coordinates.longitude if found.coordinates else None,
        "latitude": found.coordinates.latitude if found.coordinates else None,
        "located_at": found.located_at,
    }
    row = insert_into(connection, catalogue_places).values(source=source, slug=slug, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["source", "slug"], set_=values))


def drop(connection: Connection, source: str, slug: str) -> None:
    """Delete an answer whose track's address has changed or is gone."""
    connection.execute(sa.delete(catalogue_places).where(p.source == source, p.slug == slug))


def positions(connection: Connection) -> dict[tuple[str, str], Coordinates]:
    """Coordinates of tracks by source and slug; also of those that are not listed any more.

    A source's own coordinates take precedence over those of a geocoder.
    """
    own = sa.and_(t.longitude.is_not(None), t.latitude.is_not(None))
    query = (
        sa.select(
            t.source,
            t.slug,
            sa.case((own, t.longitude), else_=p.longitude).label("longitude"),
            sa.case((own, t.latitude), else_=p.latitude).label("latitude"),
        )
        .select_from(
            catalogue_tracks.outerjoin(
                catalogue_places, sa.and_(p.source == t.source, p.slug == t.slug)
            )
        )
        .order_by(t.source, t.slug)
    )
    return {
        (row.source, row.slug): coordinates
        for row in connection.execute(query)
        if (coordinates := _coordinates(row.longitude, row.latitude)) is not None
    }


def _coordinates(longitude: float | None, latitude: float | None) -> Coordinates | None:
    return None if longitude is None or latitude is None else Coordinates(longitude, latitude)
