"""Race tracks of the catalogue that have a logo."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.catalogue.records import FIELDS, CatalogueTrack
from trackflow.store.catalogue.tables import catalogue_tracks

t = catalogue_tracks.c


def logo_tracks(connection: Connection) -> list[tuple[str, CatalogueTrack]]:
    """Active race tracks with a logo on the web, with their source."""
    query = sa.select(t.source, *(t[name] for name in FIELDS)).where(
        t.is_active, t.logo_url.like("http%")
    )
    return [
        (row.source, CatalogueTrack(**{name: row._mapping[name] for name in FIELDS}))
        for row in connection.execute(query.order_by(t.source, t.slug))
    ]
