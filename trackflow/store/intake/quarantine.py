"""Refused input: counts by sender, rows to show, and content to read again."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import NotFoundError, SettingsError
from trackflow.geo.time import to_us
from trackflow.store.housekeeping.retention import TOO_OLD
from trackflow.store.intake.conflicts import EQUAL_TIME
from trackflow.store.tables import quarantined_points, receipts

q, r = quarantined_points.c, receipts.c

FILES = "files"
"""The sender of input that was no live report: imported files and followed tables."""

NO_ERRORS = (EQUAL_TIME, TOO_OLD)
"""Reasons that are no errors: the input itself is sound."""

PAGE_ROWS = 200
ID_MIN_CHARS = 4


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How much input of one sender was refused for one reason.

    Attributes:
        sender: a live sender, or `FILES`.
        reason: why it was refused.
        count: rows.
        size_bytes: the size of their content.
        last_at: when the last of them arrived, UTC.
    """

    sender: str
    reason: str
    count: int
    size_bytes: int
    last_at: dt.datetime


@dataclass(frozen=True, slots=True)
class QuarantinedInput:
    """One refused input, without its content.

    Attributes:
        id: its hash.
        sender: a live sender, or `FILES`.
        device_id: the device that it names, where that could be read.
        reason: why it was refused.
        where: the protocol or file, and the location or line in it.
        received_at: when it arrived, UTC.
    """

    id: str
    sender: str
    device_id: str | None
    reason: str
    where: str
    received_at: dt.datetime


@dataclass(frozen=True, slots=True)
class QuarantinedContent(QuarantinedInput):
    """One refused input with its content, complete if it was sent live.

    Attributes:
        time_us: of a sound position that lies in the future; then `raw` has the form that
            `ahead.positions` reads, for every source.
        raw: the content as text.
        envelope: the request without its body; None for files and rows of older versions.
        body: the exact bytes, where they differ from the text in UTF-8.
    """

    time_us: int | None
    raw: str
    envelope: str | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """A selection of rows of the quarantine; without any limit all that are errors."""

    sender: str | None = None
    reason: str | None = None
    ids: Sequence[str] = field(default=())

    def where(self) -> list[sa.ColumnElement[bool]]:
        """The conditions of a query."""
        conditions: list[sa.ColumnElement[bool]] = [q.reason.not_in(NO_ERRORS)]
        if self.sender is not None:
            conditions.append(
                q.sender.is_(None) if self.sender == FILES else q.sender == self.sender
            )
        if self.reason is not None:
            conditions.append(q.reason == self.reason)
        if self.ids:
            conditions.append(q.content_hash.in_(self.ids))
        return conditions


def counts(connection: Connection) -> list[ReasonCount]:
    """How much input was refused, by sender and reason."""
    sender = sa.func.coalesce(q.sender, FILES)
    rows = connection.execute(
        sa.select(
            sender, q.reason, sa.func.count(), sa.func.sum(q.size_bytes), sa.func.max(q.received_at)
        )
        .where(q.reason.not_in(NO_ERRORS))
        .group_by(sender, q.reason)
        .order_by(sender, q.reason)
    )
    return [ReasonCount(name, why, n, int(size), last) for name, why, n, size, last in rows]


def last_points(connection: Connection, sender: str) -> dt.datetime | None:
    """When a live sender last sent points, known or new ones."""
    query = sa.select(sa.func.max(r.received_at)).where(r.source == sender)
    found: dt.datetime | None = connection.scalar(query)
    return found


def live_bytes(connection: Connection) -> int:
    """The size in bytes of all live senders' input in the quarantine."""
    return int(
        connection.scalar(sa.select(sa.func.sum(q.size_bytes)).where(q.sender.is_not(None))) or 0
    )


def known(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of some ids that are in quarantine."""
    found: set[str] = set()
    for some in itertools.batched(ids, PAGE_ROWS):
        query = sa.select(q.content_hash).where(q.content_hash.in_(some))
        found.update(connection.scalars(query))
    return found


def read_kept(
    connection: Connection, choice: QuarantineFilter, after: str = ""
) -> list[QuarantinedContent]:
    """The next page of refused inputs, in order of their ids.

    Args:
        connection: to the store.
        choice: which inputs.
        after: the last id of the page before.
    """
    rows = connection.execute(
        sa.select(quarantined_points)
        .where(q.content_hash > after, *choice.where())
        .order_by(q.content_hash)
        .limit(PAGE_ROWS)
    ).mappings()
    return [_kept(row) for row in rows]


def all_kept(connection: Connection, choice: QuarantineFilter) -> Iterator[QuarantinedContent]:
    """All refused inputs of a choice, read page by page."""
    after = ""
    while page := read_kept(connection, choice, after):
        yield from page
        after = page[-1].id


def newest(connection: Connection, choice: QuarantineFilter, most: int) -> list[QuarantinedInput]:
    """The newest refused inputs."""
    rows = connection.execute(
        sa.select(
            q.content_hash,
            sa.func.coalesce(q.sender, FILES),
            q.device_id,
            q.reason,
            q.source,
            q.received_at,
        )
        .where(*choice.where())
        .order_by(q.received_at.desc(), q.content_hash)
        .limit(most)
    )
    return [QuarantinedInput(*row) for row in rows]


def find(connection: Connection, prefix: str) -> QuarantinedContent:
    """The refused input whose id begins with `prefix`.

    Raises:
        SettingsError: the beginning is too short, or that of several.
        NotFoundError: there is none.
    """
    if len(prefix) < ID_MIN_CHARS:
        raise SettingsError(f"write at least {ID_MIN_CHARS} characters of the id")
    query = sa.select(quarantined_points).where(q.content_hash.startswith(prefix, autoescape=True))
    rows = connection.execute(query.limit(2)).mappings().all()
    if not rows:
        raise NotFoundError(
            f"nothing in quarantine has an id that begins with {prefix}; "
            "see `trackflow quarantine list`"
        )
    if len(rows) > 1:
        raise SettingsError(f"several ids begin with {prefix}: write more of it")
    return _kept(rows[0])


def take_out(connection: Connection, ids: Sequence[str]) -> int:
    """Delete refused inputs; returns how many there were."""
    deleted = sa.delete(quarantined_points).where(q.content_hash.in_(ids))
    return connection.execute(deleted).rowcount


def delete(connection: Connection, choice: QuarantineFilter) -> int:
    """Delete all of a choice; returns how many there were."""
    return connection.execute(sa.delete(quarantined_points).where(*choice.where())).rowcount


def set_received_at(connection: Connection, ids: Sequence[str], moment: dt.datetime) -> None:
    """Restore the time of arrival of inputs that were read again."""
    for some in itertools.batched(ids, PAGE_ROWS):
        changed = sa.update(quarantined_points).where(q.content_hash.in_(some))
        connection.execute(changed.values(received_at=moment))


def _kept(row: sa.RowMapping) -> QuarantinedContent:
    return QuarantinedContent(
        id=row["content_hash"],
        sender=row["sender"] or FILES,
        device_id=row["device_id"],
        reason=row["reason"],
        where=row["source"],
        received_at=row["received_at"],
        time_us=None if row["recorded_at"] is None else to_us(row["recorded_at"]),
        raw=row["raw"],
        envelope=row["envelope"],
        body=row["body"],
    )
