"""No-token mode: whether requests of this machine are accepted without a token.

It is on in a new store. The first token, a restore and any sign of a proxy switch it off. It stays
off, even after all tokens are revoked, until a person switches it on by a command. The table is a
log: its newest row is valid.
"""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.service_tables import access_tokens, no_token_changes

c = no_token_changes.c

TOKEN_EXISTED = "there has been a token"  # noqa: S105  a reason, not a secret


@dataclass(frozen=True, slots=True)
class NoTokenMode:
    """Whether it is on; `reason` and `changed_at` are empty if it was never switched."""

    is_on: bool
    reason: str = ""
    changed_at: dt.datetime | None = None


def read_mode(connection: Connection) -> NoTokenMode:
    """The mode as it is now."""
    query = sa.select(c.is_on, c.reason, c.changed_at).order_by(c.change_no.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    if row is not None:
        return NoTokenMode(row.is_on, row.reason, row.changed_at)
    # tokens that were not made by `tokens.create`, but by hand or by an older trackflow
    if connection.scalar(sa.select(access_tokens.c.token_id).limit(1)) is not None:
        return NoTokenMode(False, TOKEN_EXISTED)
    return NoTokenMode(True)


def switch_off(connection: Connection, reason: str, now: dt.datetime) -> bool:
    """Require a token for every request from now on; returns whether something was written."""
    mode = read_mode(connection)
    if not mode.is_on and mode.changed_at is not None:
        return False
    _write(connection, False, reason, now)
    return True


def switch_on(connection: Connection, now: dt.datetime) -> bool:
    """Accept requests of this machine without a token again; returns whether that is a change."""
    if read_mode(connection).is_on:
        return False
    _write(connection, True, "switched on by command", now)
    return True


def _write(connection: Connection, is_on: bool, reason: str, now: dt.datetime) -> None:
    row = {"changed_at": now, "is_on": is_on, "reason": reason}
    connection.execute(sa.insert(no_token_changes).values(row))
