"""What each track was for, and which days are up to date."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import ONE_DAY, days_around, from_us, midnight
from trackflow.store.catalogue.tables import catalogue_visit_days
from trackflow.store.categories.tables import categories, category_days, leg_days
from trackflow.store.days.queries import Devices, of_days, of_devices
from trackflow.store.days.track_conditions import touching
from trackflow.store.days.track_ids import longest
from trackflow.store.dialects import listed_pairs, pairs_as_table
from trackflow.store.mileage.tables import logbook_days
from trackflow.store.places.tables import stay_days
from trackflow.store.tables import processing_batches
from trackflow.store.types import epoch_us

c, n, b = categories.c, category_days.c, processing_batches.c

CHUNK = 500
"""Keys per statement: databases limit how many values one may have."""

MARKED_US = 1 << 40
"""Twelve days: of two times of writing one has to be another one within so many microseconds."""

COMPARED = (
    "end_time", "track_id", "category", "purpose", "partner", "rate", "decided_by", "rule_id",
    "rules_version", "decision_id", "origins",
)  # fmt: skip

type CategoryRow = Mapping[str, Any]
"""The columns of a track's category by name."""


class DayState(NamedTuple):
    """A day with the generation of its tracks, and hashes of what its categories are made of.

    The hash of all inputs is that of the sources until `with_outcomes` makes it.
    """

    day: dt.date
    generation: int
    sources_hash: str
    inputs_hash: str

    def with_outcomes(self, rows: Iterable[CategoryRow]) -> "DayState":
        """The same with the hash of what its tracks were for; `rows` may be of other days too."""
        start, end = midnight(self.day), midnight(self.day + ONE_DAY)
        mine = [
            (row["start_time"], *(row[name] for name in COMPARED))
            for row in rows
            if row["start_time"] < end and row["end_time"] >= start
        ]
        hashed = hashlib.blake2b(repr((self.sources_hash, mine)).encode(), digest_size=12)
        return self._replace(inputs_hash=hashed.hexdigest())


def replace_between(
    connection: Connection,
    device_id: str,
    start: dt.datetime,
    end: dt.datetime,
    new: Sequence[CategoryRow],
    now: dt.datetime,
) -> int:
    """Replace the categories of a device's tracks that begin in `[start, end)`.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        start: UTC.
        end: UTC, not included.
        new: the rows, without device and time of writing.
        now: the time, UTC.

    Returns:
        How many rows were written or removed; equal ones are not rewritten.
    """
    mine = (c.device_id == device_id, c.start_time >= start, c.start_time < end)
    stored = connection.execute(sa.select(categories).where(*mine)).mappings()
    before: dict[dt.datetime, CategoryRow] = {row["start_time"]: dict(row) for row in stored}
    after = {row["start_time"]: row for row in new}
    changed = [row for time, row in after.items() if not _equal(before.get(time), row)]
    gone = [time for time in before if time not in after]
    outdated = gone + [row["start_time"] for row in changed if row["start_time"] in before]
    for begin in range(0, len(outdated), CHUNK):
        some = c.start_time.in_(outdated[begin : begin + CHUNK])
        connection.execute(sa.delete(categories).where(c.device_id == device_id, some))
    if changed:
        connection.execute(
            sa.insert(categories),
            [{"device_id": device_id, "updated_at": now, **row} for row in changed],
        )
    if outdated_days := {time.date() for time in (*gone, *(row["start_time"] for row in changed))}:
        # the logbook says what tracks were for, and its days are not due by themselves then
        _forget(connection, logbook_days, device_id, sorted(outdated_days))
    return len(changed) + len(gone)


def _equal(stored: CategoryRow | None, new: CategoryRow) -> bool:
    return stored is not None and all(stored[name] == new[name] for name in COMPARED)


def first_row(
    connection: Connection, device_id: str, start: dt.datetime, end: dt.datetime
) -> dt.datetime:
    """When the first track whose category touches a time began; `start` if there is none."""
    found: dt.datetime | None = connection.scalar(
        sa.select(sa.func.min(c.start_time)).where(
            c.device_id == device_id,
            # a row that is longer than any track is of a track that changed, and the day of its
            # start is due by itself
            *touching(connection, c, start, end),
        )
    )
    return start if found is None else min(found, start)


def read_page(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime,
    end: dt.datetime,
    *,
    after: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int | None = None,
) -> list[CategoryRow]:
    """Categories of tracks that begin in `[start, end)`, by start and track.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start: aware.
        end: aware, not included.
        after: start and track of the last row of the page before; None for the first page.
        limit: the largest number of rows; None for all.
    """
    query = (
        sa.select(categories)
        .where(c.start_time >= start, c.start_time < end, *of_devices(c.device_id, device_ids))
        .order_by(c.start_time, c.track_id)
        .limit(limit)
    )
    if after is not None:
        later = sa.and_(c.start_time == after[0], c.track_id > after[1])
        # a bound of its own, so that the index is used
        query = query.where(c.start_time >= after[0], sa.or_(c.start_time > after[0], later))
    return [dict(row) for row in connection.execute(query).mappings()]


def due_days(
    connection: Connection,
    device_hashes: Mapping[str, str],
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> dict[str, list[DayState]]:
    """The days of devices whose categories were made of something else than what is there now.

    Args:
        connection: to the store.
        device_hashes: the devices; for each, a hash of what all its days are made of.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    found: dict[str, list[DayState]] = {}
    query = _due(connection.dialect.name).where(*of_days(b.day, first, last))
    given = listed_pairs(connection, list(device_hashes.items()))
    for device_id, *state in connection.execute(query, given):
        found.setdefault(device_id, []).append(DayState(*state))
    return found


def _due(dialect: str) -> sa.Select[Any]:
    """The days that are due, of the devices and hashes of `listed_pairs`."""
    devices = pairs_as_table(dialect, ("device_id", "device_hash"), sa.Text)
    joined = devices.join(processing_batches, b.device_id == devices.c.device_id)
    parts: list[sa.ColumnElement[str]] = []
    sources = ((leg_days, "inputs_hash"), (stay_days, "inputs_hash"),
               (catalogue_visit_days, "places_hash"))  # fmt: skip
    for table, column in sources:
        same = sa.and_(table.c.device_id == b.device_id, table.c.day == b.day)
        joined = joined.outerjoin(table, same)
        generation = sa.func.coalesce(sa.cast(table.c.generation, sa.Text), "")
        parts += [sa.func.coalesce(table.c[column], ""), generation]
    given: sa.ColumnElement[str] = devices.c.device_hash
    for part in parts:
        given = given.concat("|").concat(part)
    noted = sa.and_(n.device_id == b.device_id, n.day == b.day)
    return (
        sa.select(b.device_id, b.day, b.tracked_generation, given.label("s"), given.label("i"))
        .select_from(joined.outerjoin(category_days, noted))
        .where(
            b.tracked_generation > 0,
            sa.or_(
                n.device_id.is_(None),
                n.generation != b.tracked_generation,
                n.sources_hash != given,
            ),
        )
        .order_by(b.device_id, b.day)
    )


def note_days(connection: Connection, device_id: str, states: Sequence[DayState]) -> None:
    """Note that the categories of days are made of what is there now."""
    _forget(connection, category_days, device_id, [state.day for state in states])
    if states:
        rows = [{"device_id": device_id, **state._asdict()} for state in states]
        connection.execute(sa.insert(category_days), rows)


def _forget(
    connection: Connection, table: sa.Table, device_id: str, days: Sequence[dt.date]
) -> None:
    for begin in range(0, len(days), CHUNK):
        some = table.c.day.in_(days[begin : begin + CHUNK])
        connection.execute(sa.delete(table).where(table.c.device_id == device_id, some))


def mark_due(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime | None,
    end: dt.datetime | None,
) -> None:
    """Let the days of a time be due, and those beside them, as tracks cross midnight.

    Their rows stay: without them, the logbook would take the days for deleted ones.

    Args:
        connection: in a transaction for writing.
        device_ids: the devices; None for all.
        start: aware; None for the beginning.
        end: aware; None for ever.
    """
    forget_days(connection, device_ids, *days_around(start, end))


def forget_days(
    connection: Connection, device_ids: Devices, first: dt.date | None, last: dt.date | None
) -> None:
    """Let days be due; their rows stay, as in `mark_due`.

    Args:
        connection: in a transaction for writing.
        device_ids: the devices; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    chosen = (*of_devices(n.device_id, device_ids), *of_days(n.day, first, last))
    connection.execute(sa.update(category_days).where(*chosen).values(sources_hash=""))


def mark_of_categories(
    connection: Connection, device_ids: Devices, start_us: int, end_us: int
) -> str:
    """A text that is another one after any change of the categories that `outcomes_between` gives.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start_us: microseconds since 1970.
        end_us: the same, not included.
    """
    # the sum of whole times would be too large for a database
    written = sa.func.sum(epoch_us(c.updated_at) % MARKED_US)
    query = sa.select(sa.func.count(), written).where(
        *_begun(connection, device_ids, start_us, end_us)
    )
    count, total = connection.execute(query).one()
    return f"{count}-{int(total or 0)}"


def outcomes_between(
    connection: Connection, device_ids: Devices, start_us: int, end_us: int
) -> dict[tuple[str, int], str]:
    """The categories of tracks by device and start, of tracks that overlap a time.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start_us: microseconds since 1970.
        end_us: the same, not included.
    """
    query = sa.select(c.device_id, epoch_us(c.start_time).label("start_us"), c.category).where(
        c.category.is_not(None), *_begun(connection, device_ids, start_us, end_us)
    )
    return {(row.device_id, row.start_us): row.category for row in connection.execute(query)}


def _begun(
    connection: Connection, device_ids: Devices, start_us: int, end_us: int
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        c.start_time >= from_us(start_us) - longest(connection),
        c.start_time < from_us(end_us),
        *of_devices(c.device_id, device_ids),
    )
