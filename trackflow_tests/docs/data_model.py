"""`docs/data-model.md`, out of the tables and their descriptions."""

import sqlalchemy as sa

from trackflow.store.descriptions import by_subject, described
from trackflow.store.tables import metadata
from trackflow.store.types import UtcTime
from trackflow_tests.docs.markdown import GENERATED, page, table

INTRODUCTION = """\
# Data model

{generated}

All that trackflow stores is in one SQL database: SQLite in `TRACKFLOW_HOME`, or PostgreSQL. Both
have the same tables. Their declarations and descriptions are in `trackflow/store/`; migrations
(`trackflow/store/migrations/`) change them when a new version starts.

- Times are UTC: `timestamptz` in PostgreSQL, whole microseconds since 1970 in SQLite, where
  `datetime(recorded_at / 1e6, 'unixepoch')` shows one.
- Lengths are metres unless the name ends in `_mm`: millimetres are whole numbers, so that sums do
  not depend on the order of addition.
- Lines are encoded polylines of precision 5, latitude first.
- A day is a day of UTC. A column may be empty only where the table says "may be empty".
- Reading is free to everybody. Write through trackflow only: a change of a point that skips it
  leaves tracks that do not belong to their points.
"""

BLOBS = """\
## Blobs

Three columns hold bytes. None holds pickled Python, so reading them is safe. Read them with the
functions named here.

| column | holds | read by |
|---|---|---|
| `segments.points` | the kept points of the segment | `trackflow.tracks.blobs.points_from_bytes` |
| `cached_polylines.match` | the match | `trackflow.matching.match.WindowMatch.from_bytes` |
| `quarantined_points.body` | the body of a request as it came, where it is no text | as it is |

The points of a segment are times in microseconds, longitudes and latitudes in units of 1e-7
degrees, and accuracies. Each column is written as differences in the narrowest whole numbers that
hold them, then all of it is deflated: about 6 bytes a point.

A match is a line of precision 6 with its context, the times and vertices of its points, and which
steps follow roads. Neighbouring windows are trimmed and joined by it.

`tracks.raw_polyline`, `tracks.matched_polyline` and `cached_polylines.encoded_polyline` are texts
that every polyline library reads (precision 5).
"""

TYPES = {
    "TEXT": "text",
    "DATE": "day",
    "DOUBLE": "number",
    "BOOLEAN": "yes or no",
    "BIGINT": "whole number",
    "INTEGER": "whole number",
    "BLOB": "bytes",
    "JSON": "JSON",
    "CHAR(32)": "UUID",
}


def data_model() -> str:
    """The page."""
    parts = [INTRODUCTION.format(generated=GENERATED).splitlines()]
    for subject, tables in by_subject().items():
        parts.append([f"## Tables of `{subject}`"])
        parts.extend(_described(metadata.tables[name]) for name in tables)
    return page(*parts, BLOBS.splitlines())


def _described(of: sa.Table) -> list[str]:
    key = ", ".join(f"`{column.name}`" for column in of.primary_key.columns)
    rows = [(f"`{c.name}`", _type(c), described(of.name, c.name)) for c in of.columns]
    return [
        f"### `{of.name}`",
        "",
        described(of.name),
        "",
        f"Key: {key}.",
        "",
        *table(("column", "type", "meaning"), rows),
    ]


def _type(column: sa.Column[object]) -> str:
    text = "time" if isinstance(column.type, UtcTime) else TYPES[str(column.type)]
    return text + (", may be empty" if column.nullable else "")
