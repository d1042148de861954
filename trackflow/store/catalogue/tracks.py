"""The catalogue of race tracks: a row for each, active or not."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.catalogue.records import (
    FIELDS,
    CatalogueTrack,
    StoredTrack,
    as_row,
)
from trackflow.store.catalogue.tables import catalogue_tracks
from trackflow.store.dialects import insert_into

t = catalogue_tracks.c

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """A row of the catalogue.

    Attributes:
        track: the track's fields.
        is_active: whether the source lists it.
        misses: plausible lists in a row without this track.
        created_at: when it was first stored.
        updated_at: when the row was last written.
    """

    track: CatalogueTrack
    is_active: bool
    misses: int
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def stored(self) -> StoredTrack:
        """The part of the row that comparisons need."""
        return StoredTrack(self.track, self.is_active, self.misses)

    def as_json(self) -> dict[str, Any]:
        """The row as JSON."""
        return {
            **as_row(self.track),
            "is_active": self.is_active,
            "misses": self.misses,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "CatalogueRow":
        """A row from the result of `as_json`."""
        created, updated = (
            dt.datetime.fromisoformat(stored[name]) for name in ("created_at", "updated_at")
        )
        track = CatalogueTrack(**{name: stored.get(name) for name in FIELDS})  # type: ignore[arg-type]
        return cls(track, stored["is_active"], stored["misses"], created, updated)


def read_rows(connection: Connection, source: str) -> dict[str, CatalogueRow]:
    """All tracks of a source by slug, inactive ones included, in one query."""
    found = connection.execute(sa.select(catalogue_tracks).where(t.source == source))
    return {row.slug: _row(row._mapping) for row in found}


def select_rows(
    connection: Connection,
    source: str,
    *,
    active: bool | None = True,
    text: str = "",
    country: str = "",
    limit: int = 100,
    after: str = "",
) -> list[CatalogueRow]:
    """Tracks by slug.

    Args:
        connection: to the store.
        source: the source's name.
        active: True for listed tracks only, False for the others, None for all.
        text: part of the slug, name, city or country, in any letter case.
        country: the country's name, as it is stored.
        limit: the largest number.
        after: the slug after which to go on.
    """
    query = sa.select(catalogue_tracks).where(t.source == source, _bytes(connection) > after)
    if active is not None:
        query = query.where(t.is_active == active)
    if country:
        query = query.where(t.country == country)
    if text:
        query = query.where(
            sa.or_(
                *(
                    column.icontains(text, autoescape=True)
                    for column in (t.slug, t.name, t.city, t.country)
                )
            )
        )
    found = connection.execute(query.order_by(_bytes(connection)).limit(limit))
    return [_row(row._mapping) for row in found]


def find_row(connection: Connection, source: str, slug: str) -> CatalogueRow | None:
    """A track of a source by its slug."""
    query = sa.select(catalogue_tracks).where(t.source == source, t.slug == slug)
    found = connection.execute(query).first()
    return None if found is None else _row(found._mapping)


def count_rows(connection: Connection, source: str) -> dict[str, int]:
    """How many tracks of a source are active, inactive, and active but missed."""
    row = connection.execute(
        sa.select(
            sa.func.count().filter(t.is_active),
            sa.func.count().filter(~t.is_active),
            sa.func.count().filter(t.is_active, t.misses > 0),
        ).where(t.source == source)
    ).one()
    return dict(zip(("active", "inactive", "missed"), row, strict=True))


def write_rows(connection: Connection, source: str, rows: Iterable[CatalogueRow]) -> None:
    """Insert rows or replace those of the same slug."""
    insert = insert_into(connection, catalogue_tracks)
    others = [c for c in catalogue_tracks.columns if not c.primary_key]
    statement = insert.on_conflict_do_update(
        index_elements=[t.source, t.slug],
        set_={column.name: insert.excluded[column.name] for column in others},
    )
    for batch in in_batches([_values(source, row) for row in rows]):
        connection.execute(statement, batch)


def delete_rows(connection: Connection, source: str, slugs: Sequence[str]) -> None:
    """Delete rows."""
    for batch in in_batches(list(slugs)):
        connection.execute(sa.delete(catalogue_tracks).where(t.source == source, t.slug.in_(batch)))


def _bytes(connection: Connection) -> sa.ColumnElement[str]:
    """The slug as a sort key: the same on both databases, independent of their locale."""
    on_postgresql = connection.dialect.name == "postgresql"
    return sa.collate(t.slug, "C") if on_postgresql else t.slug


def _values(source: str, row: CatalogueRow) -> dict[str, Any]:
    return {
        "source": source,
        **as_row(row.track),
        "is_active": row.is_active,
        "misses": row.misses,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _row(found: Mapping[Any, Any]) -> CatalogueRow:
    track = CatalogueTrack(**{name: found[name] for name in FIELDS})
    return CatalogueRow(
        track, found["is_active"], found["misses"], found["created_at"], found["updated_at"]
    )


def in_batches[T](values: list[T]) -> Iterable[list[T]]:
    """The values in batches: a statement with thousands of them compiles slowly."""
    return (values[k : k + ROWS_AT_ONCE] for k in range(0, len(values), ROWS_AT_ONCE))
