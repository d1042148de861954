"""Circuit breakers, shared by all processes: each step of a run is a process of its own."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.concurrency.breaker import Breaker
from trackflow.store.dialects import insert_into
from trackflow.store.service_tables import breakers

c = breakers.c


def read_breaker(connection: Connection, service: str) -> Breaker:
    """The breaker of a service; closed for one that never failed."""
    row = connection.execute(_select().where(c.service == service)).one_or_none()
    return Breaker() if row is None else _breaker(row)


def read_breakers(connection: Connection) -> dict[str, Breaker]:
    """All breakers of services that ever failed, by name."""
    return {row.service: _breaker(row) for row in connection.execute(_select().order_by(c.service))}


def count_openings(connection: Connection) -> dict[str, int]:
    """How often each breaker has opened, by service."""
    return {
        row.service: row.openings for row in connection.execute(sa.select(c.service, c.openings))
    }


def take_probe(connection: Connection, service: str, now: dt.datetime) -> bool:
    """Take the probe of a half-open breaker, in a transaction of its own.

    False if another process has it, or if the breaker is not half-open.
    """
    old = _locked(connection, service)
    if not old.may_probe(now):
        return False
    _write(connection, service, old, old.probing(now), now)
    return True


def note_failure(
    connection: Connection,
    service: str,
    error: str,
    now: dt.datetime,
    *,
    is_probe: bool = False,
    rest_s: float | None = None,
    times: int = 1,
) -> Breaker:
    """Count failed calls, in a transaction of its own; returns the new state.

    Args:
        connection: in a transaction for writing.
        service: the breaker's name.
        error: the message of the failure.
        now: the time, UTC.
        is_probe: whether the call was the probe of a half-open breaker.
        rest_s: the rest in seconds that the service asks for; None for none.
        times: failures in a row that are not counted yet.
    """
    connection.execute(
        insert_into(connection, breakers)
        .values(service=service, updated_at=now)
        .on_conflict_do_nothing()
    )
    old = _locked(connection, service)
    new = old.failed(now, error, is_probe=is_probe, rest_s=rest_s, times=times)
    return old if new == old else _write(connection, service, old, new, now)


def note_success(
    connection: Connection, service: str, now: dt.datetime, *, is_probe: bool = False
) -> Breaker:
    """Note a success after failed calls, in a transaction of its own; returns the new state.

    Args:
        connection: in a transaction for writing.
        service: the breaker's name.
        now: the time, UTC.
        is_probe: whether the call was the probe of a half-open breaker.
    """
    old = _locked(connection, service)
    new = old.succeeded(is_probe=is_probe)
    return old if new == old else _write(connection, service, old, new, now)


def _locked(connection: Connection, service: str) -> Breaker:
    row = connection.execute(_select().where(c.service == service).with_for_update()).one_or_none()
    return Breaker() if row is None else _breaker(row)


def _write(
    connection: Connection, service: str, old: Breaker, new: Breaker, now: dt.datetime
) -> Breaker:
    opens = old.open_until is None and new.open_until is not None
    connection.execute(
        sa.update(breakers)
        .where(c.service == service)
        .values(
            failures_in_row=new.failures,
            open_until=new.open_until,
            probe_until=new.probe_until,
            last_error=new.last_error,
            updated_at=now,
            openings=c.openings + int(opens),
        )
    )
    return new


def _select() -> sa.Select[tuple[str, int, dt.datetime | None, dt.datetime | None, str | None]]:
    return sa.select(c.service, c.failures_in_row, c.open_until, c.probe_until, c.last_error)


def _breaker(
    row: sa.Row[tuple[str, int, dt.datetime | None, dt.datetime | None, str | None]],
) -> Breaker:
    return Breaker(row.failures_in_row, row.open_until, row.probe_until, row.last_error)
