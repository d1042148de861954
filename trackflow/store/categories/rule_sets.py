"""Versions of the rules, and for which time each is used. Rows are added and never changed."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.categories.rules.rules import Holidays, RuleSet, RulesUse
from trackflow.categories.rules.toml import json_table, stored_rules
from trackflow.store.categories.tables import (
    category_rule_sets,
    category_rule_uses,
    category_rules,
)
from trackflow.store.decided import undo_row

LOCK_KEY = 771_002_015
"""Key of PostgreSQL's advisory lock of those who save or use rules: numbers are given in order."""

s, r, u = category_rule_sets.c, category_rules.c, category_rule_uses.c


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A saved version of the rules.

    Attributes:
        version: its number.
        comment: why it was saved.
        saved_by: name of the person.
        saved_at: when, UTC.
        rules: how many rules it has.
    """

    version: int
    comment: str | None
    saved_by: str
    saved_at: dt.datetime
    rules: int


@dataclass(frozen=True, slots=True)
class UseRow:
    """For which time a version is used.

    Attributes:
        use_no: its number.
        version: the version.
        from_time: from when, UTC; None for the beginning.
        until_time: until when, UTC; None for ever.
        used_by: name of the person.
        used_at: when it was decided, UTC.
        undone_at: when it was undone, UTC; None while it counts.
    """

    use_no: int
    version: int
    from_time: dt.datetime | None
    until_time: dt.datetime | None
    used_by: str
    used_at: dt.datetime
    undone_at: dt.datetime | None


def lock_rules(connection: Connection) -> None:
    """Keep other transactions from saving or using rules until this one ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))


def hold_rules(connection: Connection) -> None:
    """Keep others from using rules until this transaction ends; many may hold them at once.

    A day that is being decided by the old rules must not be marked meanwhile: the mark would be
    lost as the day is noted.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(LOCK_KEY)))


def add_version(
    connection: Connection, rules: RuleSet, comment: str | None, by: str, now: dt.datetime
) -> int:
    """Store rules as a new version; returns its number. The caller has called `lock_rules`.

    Args:
        connection: in a transaction for writing.
        rules: the rules, with the days of their calendar.
        comment: why they are saved.
        by: name of the person.
        now: the time, UTC.
    """
    version = (connection.scalar(sa.select(sa.func.max(s.rules_version))) or 0) + 1
    calendar = rules.holidays
    connection.execute(
        sa.insert(category_rule_sets),
        {
            "rules_version": version,
            "comment": comment,
            "holidays": {
                "country": calendar.country,
                "subdivision": calendar.subdivision,
                "own": [day.isoformat() for day in calendar.own],
                "known": [day.isoformat() for day in calendar.known],
            },
            "saved_by": by,
            "saved_at": now,
        },
    )
    tables = json_table(rules)["rules"]
    rows = [
        {
            "rules_version": version,
            "position": position,
            "rule_id": rule.rule_id,
            "name": rule.name,
            "definition": table,
        }
        for position, (rule, table) in enumerate(zip(rules.rules, tables, strict=True))
    ]
    if rows:
        connection.execute(sa.insert(category_rules), rows)
    return version


def newest_version(connection: Connection) -> int | None:
    """The number of the newest version; None without any."""
    version: int | None = connection.scalar(sa.select(sa.func.max(s.rules_version)))
    return version


def read_rules(connection: Connection, version: int) -> RuleSet | None:
    """The rules of a version; None if there is no such version."""
    return read_versions(connection, [version]).get(version)


def read_versions(connection: Connection, versions: Sequence[int]) -> dict[int, RuleSet]:
    """The rules of some versions, by number."""
    tables: dict[int, list[Any]] = {}
    definitions = sa.select(r.rules_version, r.definition).where(r.rules_version.in_(versions))
    for version, table in connection.execute(definitions.order_by(r.rules_version, r.position)):
        tables.setdefault(version, []).append(table)
    calendars = sa.select(s.rules_version, s.holidays).where(s.rules_version.in_(versions))
    return {
        version: stored_rules(tables.get(version, []), _holidays(calendar))
        for version, calendar in connection.execute(calendars)
    }


def _holidays(stored: Mapping[str, Any]) -> Holidays:
    days = {
        name: tuple(dt.date.fromisoformat(day) for day in stored[name]) for name in ("own", "known")
    }
    return Holidays(stored["country"], stored["subdivision"], **days)


def list_versions(connection: Connection) -> list[VersionRow]:
    """All versions, the newest first."""
    counted = sa.func.count(r.position)
    query = (
        sa.select(s.rules_version, s.comment, s.saved_by, s.saved_at, counted)
        .select_from(
            category_rule_sets.outerjoin(category_rules, r.rules_version == s.rules_version)
        )
        .group_by(s.rules_version, s.comment, s.saved_by, s.saved_at)
        .order_by(s.rules_version.desc())
    )
    return [VersionRow(*row) for row in connection.execute(query)]


def list_uses(connection: Connection) -> list[UseRow]:
    """All uses, the newest first."""
    query = sa.select(
        u.use_no, u.rules_version, u.from_time, u.until_time, u.used_by, u.used_at, u.undone_at
    )
    return [UseRow(*row) for row in connection.execute(query.order_by(u.use_no.desc()))]


def read_uses(
    connection: Connection, start: dt.datetime | None = None, end: dt.datetime | None = None
) -> list[RulesUse]:
    """The uses that decide about tracks which begin in `[start, end]`, with their rules.

    Args:
        connection: to the store.
        start: aware; None for no limit.
        end: aware; None for no limit.
    """
    rows = []
    for row in list_uses(connection):
        begins_later = end is not None and row.from_time is not None and row.from_time > end
        is_over = start is not None and row.until_time is not None and row.until_time <= start
        if row.undone_at is not None or begins_later or is_over:
            continue
        rows.append(row)
        if _holds_throughout(row, start, end):
            break  # those before it decide about none of these tracks
    rules = read_versions(connection, sorted({row.version for row in rows}))
    return [
        RulesUse(row.use_no, row.version, row.from_time, row.until_time, rules[row.version])
        for row in rows
    ]


def _holds_throughout(row: UseRow, start: dt.datetime | None, end: dt.datetime | None) -> bool:
    """Whether a use covers all of `[start, end]`."""
    from_start = row.from_time is None or (start is not None and row.from_time <= start)
    to_end = row.until_time is None or (end is not None and end < row.until_time)
    return from_start and to_end


def add_use(
    connection: Connection,
    version: int,
    from_time: dt.datetime | None,
    until_time: dt.datetime | None,
    by: str,
    now: dt.datetime,
) -> int:
    """Use a version for a time from now on; returns the use's number.

    Args:
        connection: in a transaction for writing, after `lock_rules`.
        version: the version.
        from_time: from when, aware; None for the beginning.
        until_time: until when, not included, aware; None for ever.
        by: name of the person.
        now: the time, UTC.
    """
    use_no = (connection.scalar(sa.select(sa.func.max(u.use_no))) or 0) + 1
    row = UseRow(use_no, version, from_time, until_time, by, now, None)
    connection.execute(
        sa.insert(category_rule_uses),
        {
            "use_no": row.use_no,
            "rules_version": row.version,
            "from_time": row.from_time,
            "until_time": row.until_time,
            "used_by": row.used_by,
            "used_at": row.used_at,
        },
    )
    return use_no


def rename_device(connection: Connection, device_id: str, new_name: str) -> int:
    """Let conditions on a device name it anew, in all versions; returns how many rules changed.

    Without it a renamed device would no more meet the rules that were made for it.
    """
    changed = 0
    query = sa.select(r.rules_version, r.position, r.definition)
    for version, position, table in connection.execute(query).all():
        renamed = _renamed(table, device_id, new_name)
        if renamed != table:
            mine = sa.and_(r.rules_version == version, r.position == position)
            connection.execute(sa.update(category_rules).where(mine).values(definition=renamed))
            changed += 1
    return changed


def _renamed(value: Any, device_id: str, new_name: str, key: str = "") -> Any:
    """A table of conditions with a device's name replaced where it stands for the device."""
    match value:
        case dict():
            return {k: _renamed(one, device_id, new_name, k) for k, one in value.items()}
        case list():
            return [_renamed(one, device_id, new_name, key) for one in value]
        case str() if key == "device" and value.casefold() == device_id.casefold():
            return new_name
    return value


def undo_use(connection: Connection, use_no: int, now: dt.datetime) -> None:
    """Let a use count no more."""
    undo_row(connection, u.use_no, use_no, now)
