"""Sums of what was made, by month and project: they stay when meshes are deleted."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.dialects import insert_into
from trackflow.store.meshes.tables import mesh_usage

u = mesh_usage.c


@dataclass(frozen=True, slots=True)
class UsageEntry:
    """Sums of one outcome: "completed", or the kind of a failure."""

    outcome: str
    meshes: int
    size_bytes: int
    seconds: float


def month_of(moment: dt.datetime) -> dt.date:
    """The first day of the month, UTC."""
    return moment.astimezone(dt.UTC).date().replace(day=1)


def add(connection: Connection, now: dt.datetime, project: str | None, entry: UsageEntry) -> None:
    """Add to the sums of this month, in the transaction in which a mesh ends."""
    insert = insert_into(connection, mesh_usage).values(
        month=month_of(now),
        project=project or "",
        outcome=entry.outcome,
        meshes=entry.meshes,
        size_bytes=entry.size_bytes,
        seconds=entry.seconds,
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[u.month, u.project, u.outcome],
            set_={
                "meshes": u.meshes + insert.excluded.meshes,
                "size_bytes": u.size_bytes + insert.excluded.size_bytes,
                "seconds": u.seconds + insert.excluded.seconds,
            },
        )
    )


def read_month(connection: Connection, month: dt.date) -> dict[str, list[UsageEntry]]:
    """The sums of a month by project, empty for none."""
    found: dict[str, list[UsageEntry]] = {}
    query = sa.select(u.project, u.outcome, u.meshes, u.size_bytes, u.seconds)
    for row in connection.execute(query.where(u.month == month).order_by(u.project, u.outcome)):
        found.setdefault(row.project, []).append(UsageEntry(*row[1:]))
    return found


def read_totals(connection: Connection) -> dict[str, UsageEntry]:
    """The sums of all months and projects by outcome."""
    query = sa.select(
        u.outcome, sa.func.sum(u.meshes), sa.func.sum(u.size_bytes), sa.func.sum(u.seconds)
    ).group_by(u.outcome)
    return {
        outcome: UsageEntry(outcome, int(count), int(size_bytes), float(seconds))
        for outcome, count, size_bytes, seconds in connection.execute(query.order_by(u.outcome))
    }
