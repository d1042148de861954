"""Stores deliveries of phones and trackers, several of them in one transaction.

When these functions return, all points are in the database: only then may a sender be answered,
since it forgets what it has sent.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.sources.devices.fixes import BodyContent
from trackflow.store.housekeeping.retention import TOO_OLD
from trackflow.store.intake.acceptance import DeliveryCounts
from trackflow.store.intake.reports import (
    Report,
    UnusualError,
    accept_reports,
    accept_usual,
)
from trackflow.usecases.intake.quarantine import check_room

__all__ = ["NOT_KEPT", "DeliveryCounts", "ReceptionCounts", "Report", "receive", "receive_together"]

TURN_TIMEOUT_S = 20.0
"""A delivery waits so long for others of this process; then its sender gets an error and
retries."""

NOT_KEPT = "not_kept"
"""Reason of points that are not stored, as a more accurate one of their moment has just arrived."""

_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class ReceptionCounts:
    """The result of one delivery. The three counts add up to what was sent.

    Attributes:
        accepted: points that are new.
        repeated: points that were known, as stored or as set aside.
        refused: input that is no point, whether or not it was known; and points that are not kept:
            older than what retention keeps, or a more accurate one has just been found elsewhere at
            the same moment.
        reasons: number of refusals by reason.
    """

    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "ReceptionCounts") -> "ReceptionCounts":
        return ReceptionCounts(
            self.accepted + other.accepted,
            self.repeated + other.repeated,
            self.refused + other.refused,
            dict(Counter(self.reasons) + Counter(other.reasons)),
        )


def receive(context: Context, delivery: BodyContent, source: str) -> ReceptionCounts:
    """Store a delivery, whole or not at all; delivering it again adds nothing.

    Raises:
        StoreUnavailableError: the database cannot be reached or stays locked; nothing is stored.
        QuarantineFullError: there is no room for refused input; nothing is stored.
    """
    if not len(delivery.points) and not delivery.refused:
        return ReceptionCounts()
    (received,) = _store(context, [Report(delivery.points, delivery.refused, source)])
    return received


def receive_together(
    context: Context, reports: Sequence[Report]
) -> list[ReceptionCounts | Exception]:
    """Store reports in one transaction; returns the counts of each, or its error.

    A report that cannot be stored must not fail the others: then each is stored by itself.
    """
    try:
        return list(_store(context, reports))
    except StoreUnavailableError as error:
        return [error] * len(reports)
    except Exception as error:  # noqa: BLE001  it is given to the sender of the report at fault
        if len(reports) == 1:
            return [error]
    return [outcome for report in reports for outcome in receive_together(context, [report])]


def _store(context: Context, reports: Sequence[Report]) -> list[ReceptionCounts]:
    refused = [refusal for report in reports for refusal in report.refused]
    with _in_turn(context):
        stored = None if refused else _store_usual(context, reports)
        if stored is None:
            with context.store.write() as connection:
                check_room(connection, refused, context.settings.quarantine_mb)
                stored = accept_reports(connection, reports, context.clock())
    return [_received(*both) for both in zip(reports, stored, strict=True)]


def _store_usual(context: Context, reports: Sequence[Report]) -> list[DeliveryCounts] | None:
    """Store reports if they are the usual ones; None if nothing was stored, as they are not."""
    try:
        with context.store.write() as connection:
            return accept_usual(connection, reports, context.clock())
    except UnusualError:
        return None


def _received(report: Report, stored: DeliveryCounts) -> ReceptionCounts:
    if not report.refused and stored.added + stored.repeated == len(report.points):
        return ReceptionCounts(stored.added, stored.repeated)
    reasons: Counter[str] = Counter()
    for refusal in report.refused:
        reasons[str(refusal.reason)] += refusal.count
    if stored.too_old:
        reasons[TOO_OLD] += stored.too_old
    lost = len(report.points) - stored.added - stored.repeated - stored.too_old
    if lost:
        reasons[NOT_KEPT] += lost
    return ReceptionCounts(stored.added, stored.repeated, reasons.total(), dict(reasons))


@contextmanager
def _in_turn(context: Context) -> Iterator[None]:
    """Allow one transaction at a time where the database has only one writer anyway.

    SQLite lets writers ask again and again at growing intervals: ten at once wait a second for
    what takes 30 ms in turn, and each holds a connection that a reader could use.
    """
    if context.store.is_postgresql:
        yield
        return
    if not _turn.acquire(timeout=TURN_TIMEOUT_S):
        raise StoreUnavailableError("the database is busy; send this again later")
    try:
        yield
    finally:
        _turn.release()
