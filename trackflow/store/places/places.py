"""Where race tracks are: as their source says, or as a geocoder found by their address."""

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
    """What a geocoder answered for a track.

    Attributes:
        query: what it was asked.
        geocoder: its name.
        place: None if it knows no such address.
        located_at: when.
    """

    query: str
    geocoder: str
    coordinates: Coordinates | None
    located_at: dt.datetime


def tracks_without_coordinates(connection: Connection) -> list[tuple[str, CatalogueTrack]]:
    """Source and track of all that are listed, and whose source does not say where they are."""
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
    """Store an answer in place of the one before."""
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
    """Forget an answer: the track's address has changed or is gone."""
    connection.execute(sa.delete(catalogue_places).where(p.source == source, p.slug == slug))


def positions(connection: Connection) -> dict[tuple[str, str], Coordinates]:
    """Where tracks are, by source and slug; also those that are not listed any more.

    What a source says counts more than what a geocoder found.
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
