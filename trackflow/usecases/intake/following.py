"""Follows an existing SQL table by its id: it is never changed, and no row is missed.

The rows and the note of how far the table has been read are stored in one transaction, so a pass
that dies anywhere is repeated by the next one. How late commits are caught: `sources.gaps`.
"""

import math
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import to_us
from trackflow.sources.followed.gaps import MIN_ID
from trackflow.sources.followed.table import ORDERS, FollowedTable, TableScan, admitted, open_table
from trackflow.store.housekeeping.retention import TOO_OLD
from trackflow.store.intake import acceptance, following
from trackflow.store.intake.acceptance import DeliveryCounts

ROWS_PER_LOOK = 20_000


@dataclass(frozen=True, slots=True)
class FollowedSource:
    """The table to follow.

    Attributes:
        url: SQLAlchemy URL of its database, PostgreSQL or SQLite. A user with the right to select
            is enough, and safest.
        table: its name, with the schema before it if needed.
        order: "lonlat" if `coords` have the longitude first, as in GeoJSON; else "latlon".
    """

    url: str
    table: str = "markers"
    order: str = "lonlat"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self | None:
        """Read it from `TRACKFLOW_FOLLOW_URL`, `_TABLE` and `_ORDER`; None without a URL.

        Raises:
            SettingsError: the order is unknown.
        """
        env = os.environ if env is None else env
        url = env.get("TRACKFLOW_FOLLOW_URL", "")
        if not url:
            return None
        order = env.get("TRACKFLOW_FOLLOW_ORDER") or "lonlat"
        if order not in ORDERS:
            raise SettingsError(
                f"TRACKFLOW_FOLLOW_ORDER={order!r} must be one of {', '.join(ORDERS)}"
            )
        return cls(url, env.get("TRACKFLOW_FOLLOW_TABLE") or "markers", order)


@dataclass(slots=True)
class FollowReport:
    """The result of one pass over a followed table.

    Attributes:
        source: the table's address, without user and password.
        rows: rows that were read.
        late: of these, rows whose id is smaller than one that was seen in an earlier look.
        accepted: the counts of their admission.
        reasons: why rows were refused.
        watched: stretches of smaller ids that may still appear.
        last_id: the largest id that was seen; None while there was none.
    """

    source: str
    rows: int = 0
    late: int = 0
    accepted: DeliveryCounts = field(default_factory=DeliveryCounts)
    reasons: Counter[str] = field(default_factory=Counter)
    watched: int = 0
    last_id: int | None = None


def follow(
    context: Context,
    followed: FollowedSource | None = None,
    *,
    rows_per_look: int = ROWS_PER_LOOK,
    longest_s: float = math.inf,
) -> FollowReport:
    """Read the new rows of a followed table, until there are no more.

    Args:
        context: the store, the settings and the clock.
        followed: the table; by default that of the settings.
        rows_per_look: how many rows are read and stored at a time.
        longest_s: end after the read during which so many seconds have passed; the next call goes
            on.

    Raises:
        SettingsError: there is nothing to follow, or the table cannot be read as it is.
        RetryableError: its database or ours cannot be reached.
    """
    followed = followed or FollowedSource.from_env()
    if followed is None:
        raise SettingsError(
            "there is no table to follow: set TRACKFLOW_FOLLOW_URL to the URL of its database, "
            "and TRACKFLOW_FOLLOW_TABLE unless it is called markers"
        )
    table = open_table(followed.url, followed.table)
    until = time.monotonic() + longest_s
    try:
        report = FollowReport(table.source)
        while not _pass(context, table, followed.order, rows_per_look, report):
            if time.monotonic() >= until:
                break
    finally:
        table.close()
    return report


def _pass(
    context: Context, table: FollowedTable, order: str, limit: int, report: FollowReport
) -> bool:
    """Read and store some rows of the table; returns whether it has no more."""
    now = context.clock()
    with context.store.read() as connection:
        before = following.read_progress(connection, table.source)
    look = table.look(before, int(now.timestamp()), limit)
    if look.markers or look.progress != before:
        batch, refused = admitted(look.markers, table.source, order, to_us(now))
        with context.store.write() as connection:
            if not following.advance(connection, table.source, before, look.progress, now):
                return False  # another process follows it too and was faster: read again
            stored = acceptance.accept(connection, batch, refused, table.source, now)
        report.accepted += stored
        report.reasons.update(str(refusal.reason) for refusal in refused)
        if stored.too_old:
            report.reasons[TOO_OLD] += stored.too_old
    _note(report, look)
    return look.finished


def _note(report: FollowReport, look: TableScan) -> None:
    report.rows += len(look.markers)
    report.late += look.late
    report.watched = len(look.progress.gaps)
    report.last_id = look.progress.last_id if look.progress.last_id > MIN_ID else None
