"""Visits: when devices stayed at race tracks."""

from trackflow.context import Context
from trackflow.store.days.queries import Devices
from trackflow.store.places import visits
from trackflow.usecases.queries.exported import VisitRow, visit_row
from trackflow.usecases.queries.limits import check_count
from trackflow.usecases.queries.lines import TimeRange


def read_visits(
    context: Context, device_ids: Devices, when: TimeRange, limit: int
) -> list[VisitRow]:
    """Visits that overlap a time, by device and start.

    Args:
        context: the store.
        device_ids: only these devices; None for all.
        when: the time that visits overlap.
        limit: largest number of visits.

    Raises:
        BadInputError: there are too many.
    """
    with context.store.read() as connection:
        rows = visits.read_visits(connection, device_ids, when.start, when.end, limit + 1)
    check_count(len(rows), limit, "visits")
    return [visit_row(row) for row in rows]
