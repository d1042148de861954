"""Admits positions that were refused while this machine's clock was behind."""

import itertools
from operator import itemgetter

from trackflow.context import Context
from trackflow.sources.ahead import CLOCK_BEHIND, positions
from trackflow.store.housekeeping import marks
from trackflow.store.intake import acceptance, ahead, rivals

MOST_ROWS = 5_000
"""Rows of one transaction."""


def readmit(context: Context) -> int:
    """Admit positions that do not lie in the future any more; returns the number of new ones."""
    with context.store.read() as connection:
        noted_at = marks.noted(connection, CLOCK_BEHIND)
    if noted_at is None:
        return 0
    added = 0
    while True:
        with context.store.write() as connection:
            now = context.clock()
            rows = ahead.due(connection, now, MOST_ROWS)
            of_import = rivals.imports_of_refusals(connection, [row.content_hash for row in rows])
            known = [(row.source, of_import.get(row.content_hash, ""), row.raw) for row in rows]
            for (source, import_id), part in itertools.groupby(sorted(known), itemgetter(0, 1)):
                found = positions([raw for _, _, raw in part])
                added += acceptance.accept(
                    connection, found, [], source, now, import_id=import_id
                ).added
            ahead.forget(connection, [row.content_hash for row in rows], noted_at)
        if len(rows) < MOST_ROWS:
            return added
