"""The limits of services that all processes share: turns of a rate limit, permits to connect.

Turns are moments, and are reserved in blocks: what a killed process has reserved passes by itself.
Permits are leases. Both go by the database's clock, and no request waits for a write of its own.
"""

import datetime as dt
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.concurrency.permits import LEASE_S, PermitUse, fair_shares
from trackflow.concurrency.pools import PoolFigures
from trackflow.store.clocks import database_now
from trackflow.store.database import Store
from trackflow.store.dialects import insert_into
from trackflow.store.housekeeping import counters
from trackflow.store.service_tables import live_pools, service_leases, service_limits
from trackflow.store.transactions import write_repeatedly

BLOCK_S = 1.0
"""The longest block of turns: as long other processes may wait for theirs."""

BUSY_S = 0.25
"""Turns that are needed so soon after the last block are needed steadily: the block grows."""

GROWTH = 8

LONGEST_AHEAD_S = 7200.0
"""Turns and rests are never reserved so far ahead: a time beyond it came from a wrong clock."""

RETRIED = "retries"
"""What is counted of further tries, among the counters of work."""

limits, leases, pools = service_limits.c, service_leases.c, live_pools.c


class StoreTurns:
    """The turns of a service, shared by all processes; see `concurrency.rate_limit.Turns`."""

    def __init__(self, store: Store, service: str) -> None:
        self._store, self._service = store, service
        self._lock = threading.Lock()
        self._next_s = self._end_s = self._rest_until_s = float("-inf")
        self._block_s = 0.0

    def reserve(self, spacing_s: float, within_s: float) -> float | None:
        """Take the next turn, None if it is more than `within_s` seconds away."""
        with self._lock:
            now_s = time.monotonic()
            turn_s = max(self._next_s, now_s)
            if turn_s >= self._end_s and not self._next_block(spacing_s, within_s):
                return None
            turn_s = max(self._next_s, now_s)
            if turn_s - now_s > within_s:
                return None
            self._next_s = turn_s + spacing_s
            return max(turn_s - time.monotonic(), 0.0)

    def rest(self, seconds: float) -> None:
        """Postpone all turns that would begin within the next `seconds`, in all processes."""
        with self._lock:
            self._rest_until_s = max(self._rest_until_s, time.monotonic() + seconds)
            self._end_s = float("-inf")  # turns in hand may lie within the rest

        def note(connection: Connection) -> None:
            _, rest_until, now = _locked(connection, self._service)
            until = max(rest_until, now + dt.timedelta(seconds=seconds))
            connection.execute(
                sa.update(service_limits)
                .where(limits.service == self._service)
                .values(rest_until=until)
            )

        write_repeatedly(self._store, note)

    def resting_s(self) -> float:
        """Seconds that a rest still lasts; others' are seen with the next block of turns."""
        return max(self._rest_until_s - time.monotonic(), 0.0)

    def _next_block(self, spacing_s: float, within_s: float) -> bool:
        """Reserve the next block of turns; False if it begins too late."""
        is_busy = time.monotonic() - self._end_s < BUSY_S
        wanted_s = min(self._block_s * GROWTH, BLOCK_S) if is_busy else 0.0
        self._block_s = max(wanted_s, spacing_s)
        count = max(int(self._block_s / spacing_s), 1)
        with self._store.write() as connection:
            next_turn, rest_until, now = _locked(connection, self._service)
            begin = max(next_turn, rest_until, now)
            away_s = (begin - now).total_seconds()
            here_s = time.monotonic()
            self._rest_until_s = here_s + max((rest_until - now).total_seconds(), 0.0)
            if away_s > within_s:
                return False
            connection.execute(
                sa.update(service_limits)
                .where(limits.service == self._service)
                .values(next_turn_at=begin + dt.timedelta(seconds=count * spacing_s))
            )
        self._next_s = here_s + away_s
        self._end_s = self._next_s + count * spacing_s
        return True


@dataclass(frozen=True, slots=True)
class StoreLedger:
    """The permits of a service, shared by all processes; see `concurrency.permits.Ledger`.

    Attributes:
        store: keeps them.
        service: the name of the service.
        process_id: of this process.
        most: permits in all.
    """

    store: Store
    service: str
    process_id: uuid.UUID
    most: int

    def report(self, use: PermitUse) -> int:
        """Renew the lease of this process; returns how many permits it may use from now on."""
        with self.store.write() as connection:
            _, _, now = _locked(connection, self.service)
            self._count(connection, use)
            connection.execute(
                sa.delete(service_leases).where(
                    leases.service == self.service, leases.lease_until < now
                )
            )
            if use.wanted == 0 and use.held == 0:
                connection.execute(sa.delete(service_leases).where(*self._own()))
                return 0
            return self._share(connection, use, now)

    def _own(self) -> tuple[sa.ColumnElement[bool], ...]:
        return leases.service == self.service, leases.process_id == self.process_id

    def _count(self, connection: Connection, use: PermitUse) -> None:
        connection.execute(
            sa.update(service_limits)
            .where(limits.service == self.service)
            .values(
                connections=self.most,
                requests=limits.requests + use.requests,
                timeouts=limits.timeouts + use.timeouts,
                broken=limits.broken + use.broken,
            )
        )

    def _share(self, connection: Connection, use: PermitUse, now: dt.datetime) -> int:
        """Store what this process has from now on; returns how many permits it may use."""
        rows = connection.execute(
            sa.select(leases.process_id, leases.wanted, leases.granted, leases.asked_at).where(
                leases.service == self.service
            )
        ).all()
        own = next((row for row in rows if row.process_id == self.process_id), None)
        others = [row for row in rows if row.process_id != self.process_id]
        asked_at = now if own is None else own.asked_at
        if own is not None and own.granted and any(row.granted < row.wanted for row in others):
            asked_at = now  # it has had some: the next time those come first that had fewer
        queue = sorted(
            [(row.asked_at, row.process_id, row.wanted) for row in others]
            + [(asked_at, self.process_id, use.wanted)]
        )
        shares = fair_shares(self.most, [wanted for _, _, wanted in queue])
        share = shares[[process for _, process, _ in queue].index(self.process_id)]
        free = max(self.most - sum(row.granted for row in others) - use.held, 0)
        may_use: int = min(share, use.held + free)
        values = {
            "wanted": use.wanted,
            "granted": max(may_use, use.held),
            "in_use": use.in_use,
            "waiting": use.waiting,
            "asked_at": asked_at,
            "lease_until": now + dt.timedelta(seconds=LEASE_S),
        }
        connection.execute(
            insert_into(connection, service_leases)
            .values(service=self.service, process_id=self.process_id, **values)
            .on_conflict_do_update(index_elements=["service", "process_id"], set_=values)
        )
        return may_use


def note_pools(
    connection: Connection, process_id: uuid.UUID, found: Mapping[str, PoolFigures]
) -> None:
    """Store the figures of the pools of a process instead of its former ones."""
    now = database_now(connection)
    connection.execute(
        sa.delete(live_pools).where(sa.or_(pools.process_id == process_id, pools.lease_until < now))
    )
    for name, figures in found.items():
        connection.execute(
            sa.insert(live_pools).values(
                pool=name,
                process_id=process_id,
                threads=figures.threads,
                running=figures.running,
                waiting=figures.waiting,
                given_up=figures.given_up,
                lease_until=now + dt.timedelta(seconds=LEASE_S),
            )
        )


def note_retries(connection: Connection, retries: Mapping[str, int]) -> None:
    """Add further tries, by the name of the work, to the sums of all processes."""
    counters.add(connection, {(RETRIED, name, "all"): count for name, count in retries.items()})


def _locked(connection: Connection, service: str) -> tuple[dt.datetime, dt.datetime, dt.datetime]:
    """The next turn and the end of the rest of a service, whose row is locked, and the time."""
    connection.execute(
        insert_into(connection, service_limits).values(service=service).on_conflict_do_nothing()
    )
    row = connection.execute(
        sa.select(limits.next_turn_at, limits.rest_until)
        .where(limits.service == service)
        .with_for_update()
    ).one()
    now = database_now(connection)
    latest = now + dt.timedelta(seconds=LONGEST_AHEAD_S)
    next_turn, rest_until = (
        now if at is None or at > latest else at for at in (row.next_turn_at, row.rest_until)
    )
    return next_turn, rest_until, now
