"""Refused input as rows of the quarantine, each kept once."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from trackflow.geo.time import from_us
from trackflow.sources.ahead import CLOCK_BEHIND
from trackflow.sources.records import Refusal
from trackflow.store.dialects import insert_into
from trackflow.store.intake import ahead
from trackflow.store.tables import quarantined_points


def keep_rows(connection: Connection, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Keep rows; returns those that were not there yet, by their hash."""
    unique = {row["content_hash"]: row for row in rows}
    if not unique:
        return {}
    # in one order everywhere: two deliveries of the same rows must not deadlock
    ordered = [unique[key] for key in sorted(unique)]
    insert = insert_into(connection, quarantined_points).on_conflict_do_nothing()
    new = connection.scalars(insert.returning(quarantined_points.c.content_hash), ordered)
    return {key: unique[key] for key in new}


def refusal_rows(
    connection: Connection, refused: Sequence[Refusal], now: dt.datetime
) -> list[dict[str, Any]]:
    """Refusals as rows; a future time gets its own reason if this machine's clock is behind."""
    early = any(refusal.time_us is not None for refusal in refused)
    behind = early and ahead.is_behind(connection, now)
    if behind:
        ahead.note(connection, now)
    return [
        _refusal_row(
            refusal,
            CLOCK_BEHIND if behind and refusal.time_us is not None else str(refusal.reason),
            now,
        )
        for refusal in refused
    ]


def _refusal_row(refusal: Refusal, reason: str, now: dt.datetime) -> dict[str, Any]:
    origin = refusal.origin
    return {
        "content_hash": hash_of_refusal(refusal, reason),
        "device_id": refusal.device_id,
        "recorded_at": None if refusal.time_us is None else from_us(refusal.time_us),
        "reason": reason,
        "raw": refusal.raw,
        "source": refusal.where,
        "received_at": now,
        "sender": origin and origin.sender,
        "envelope": origin and origin.envelope,
        "body": refusal.body,
        "size_bytes": size_bytes(refusal),
    }


def hash_of_refusal(refusal: Refusal, reason: str = "") -> str:
    """The key of a refused input, by default for its own reason.

    Different inputs have different keys.
    """
    is_own = reason in ("", refusal.reason)
    why = _ReasonInKeys(refusal.reason.value) if is_own else reason
    content: tuple[object, ...] = (refusal.device_id, why, refusal.raw)
    if refusal.origin is not None:
        body = hashlib.blake2b(refusal.body or b"").hexdigest()
        content = (*content, refusal.origin.envelope, body)
    return hash_of(*content)


class _ReasonInKeys(str):
    """A reason in the form of stored keys, independent of the enumeration's name.

    Versions before 0.6 hashed Python's `repr` of a member of `Reason`. With any other text, input
    that is in quarantine already would be kept a second time.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Reason.{self.upper()}: {str(self)!r}>"


def size_bytes(refusal: Refusal) -> int:
    """The size of a refused input in the quarantine."""
    envelope = refusal.origin.envelope if refusal.origin else ""
    return len(refusal.raw.encode()) + len(refusal.body or b"") + len(envelope)


def hash_of(*parts: object) -> str:
    """A key that is the same for the same parts, on every machine."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
