"""Versions of the rules: saved, used for a time, undone, listed.

A saved version is used for tracks that begin from then on. It is used for the past only by
`apply_rules`, for a range that a person names. The newest use that covers a track's start decides.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from trackflow.categories.rules.calendars import with_known_days
from trackflow.categories.rules.reading import is_storable
from trackflow.categories.rules.rules import RuleSet
from trackflow.context import Context
from trackflow.errors import ChangedMeanwhileError, NotFoundError, SettingsError
from trackflow.store.categories import categories, rule_sets
from trackflow.store.categories.rule_sets import UseRow, VersionRow
from trackflow.store.database import Connection
from trackflow.store.mileage import rates

__all__ = [
    "RulesHistory",
    "RulesVersion",
    "SaveReport",
    "UseRow",
    "VersionRow",
    "apply_rules",
    "missing_rates",
    "read_history",
    "read_version",
    "save_rules",
    "undo_use",
]


@dataclass(frozen=True, slots=True)
class SaveReport:
    """A version that was saved.

    Attributes:
        version: its number.
        use_no: the use from now on.
        is_new: whether it was saved now; the same rules are not saved twice in a row.
        missing_rates: that the rules name, and the table of rates lacks.
    """

    version: int
    use_no: int
    is_new: bool
    missing_rates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RulesHistory:
    """All versions and all uses, the newest first."""

    versions: list[VersionRow]
    uses: list[UseRow]


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """The rules for tracks that begin now; without any version 0 and no rules."""

    version: int
    rules: RuleSet


def save_rules(
    context: Context,
    rules: RuleSet,
    by: str,
    comment: str | None = None,
    *,
    made_from: int | None = None,
) -> SaveReport:
    """Save rules as a new version, which is used for tracks that begin from now on.

    Args:
        context: the store and the clock.
        rules: the rules.
        by: name of the person.
        comment: why they are saved.
        made_from: the version that the person changed, 0 for none; None if that is not known.

    Raises:
        ChangedMeanwhileError: others have saved rules since, which these would take out of use.
        SettingsError: the comment has characters that no database stores.
    """
    if comment is not None and not is_storable(comment):
        raise SettingsError("the comment has a character that no database stores")
    now = context.clock()
    complete = with_known_days(rules, now.date())
    with context.store.write() as connection:
        rule_sets.lock_rules(connection)
        missing = missing_in(connection, complete)
        newest = rule_sets.newest_version(connection)
        current = _use_from(connection, now)
        is_same = newest is not None and rule_sets.read_rules(connection, newest) == complete
        if is_same and newest is not None and current is not None and current.version == newest:
            return SaveReport(newest, current.use_no, False, missing)
        in_use = _use_at(connection, now)
        by_now = 0 if in_use is None else in_use.version
        if made_from not in (None, by_now):
            raise ChangedMeanwhileError(
                f"version {by_now} of the rules is in use by now, and these were made from version "
                f"{made_from}: open the rules again, and change them there"
            )
        version = newest if is_same and newest is not None else None
        if version is None:
            version = rule_sets.add_version(connection, complete, comment, by, now)
        use_no = rule_sets.add_use(connection, version, now, None, by, now)
        categories.mark_due(connection, None, now, None)
    return SaveReport(version, use_no, not is_same, missing)


def apply_rules(
    context: Context,
    version: int,
    start: dt.datetime | None,
    end: dt.datetime | None,
    by: str,
) -> UseRow:
    """Use a version for tracks that begin in `[start, end)`; the next update decides them anew.

    Args:
        context: the store and the clock.
        version: the version.
        start: aware; None for the beginning.
        end: aware, not included; None for ever.
        by: name of the person.

    Raises:
        NotFoundError: there is no such version.
        SettingsError: the range is empty.
    """
    if start is not None and end is not None and start >= end:
        raise SettingsError("the range is empty: its end is not after its start")
    now = context.clock()
    with context.store.write() as connection:
        rule_sets.lock_rules(connection)
        if rule_sets.read_rules(connection, version) is None:
            raise _no_version(version)
        uses = rule_sets.list_uses(connection)
        newest = next((use for use in uses if use.undone_at is None), None)
        if newest is not None and (newest.version, newest.from_time, newest.until_time) == (
            version, start, end,
        ):  # fmt: skip
            return newest
        use_no = rule_sets.add_use(connection, version, start, end, by, now)
        categories.mark_due(connection, None, start, end)
    return UseRow(use_no, version, start, end, by, now, None)


def undo_use(context: Context, use_no: int | None = None) -> UseRow:
    """Let a use count no more: what was used before decides again. None is the newest that counts.

    Raises:
        NotFoundError: there is no such use, or none to undo.
    """
    with context.store.write() as connection:
        rule_sets.lock_rules(connection)
        uses = rule_sets.list_uses(connection)
        wanted = [
            use for use in uses if use.use_no == use_no or (use_no is None and not use.undone_at)
        ]
        if not wanted:
            what = "no use of rules counts" if use_no is None else f"there is no use {use_no}"
            raise NotFoundError(f"{what}; `trackflow rules history` lists them")
        rule_sets.undo_use(connection, wanted[0].use_no, context.clock())
        if wanted[0].undone_at is None:
            categories.mark_due(connection, None, wanted[0].from_time, wanted[0].until_time)
        uses = rule_sets.list_uses(connection)
    return next(use for use in uses if use.use_no == wanted[0].use_no)


def read_version(context: Context, version: int | None = None) -> RulesVersion:
    """The rules of a version, or those for tracks that begin now.

    Raises:
        NotFoundError: there is no such version.
    """
    with context.store.read() as connection:
        if version is None:
            use = _use_at(connection, context.clock())
            if use is None:
                return RulesVersion(0, RuleSet())
            version = use.version
        rules = rule_sets.read_rules(connection, version)
    if rules is None:
        raise _no_version(version)
    return RulesVersion(version, rules)


def read_history(context: Context) -> RulesHistory:
    """All versions and all uses, the newest first."""
    with context.store.read() as connection:
        return RulesHistory(rule_sets.list_versions(connection), rule_sets.list_uses(connection))


def missing_rates(context: Context) -> tuple[str, ...]:
    """The rates that the rules in use now name, and the table lacks: trips are paid nothing."""
    rules = read_version(context).rules
    with context.store.read() as connection:
        return missing_in(connection, rules)


def missing_in(connection: Connection, rules: RuleSet) -> tuple[str, ...]:
    """The rates that rules name, and the table lacks."""
    return tuple(sorted(rules.rates - {one.rate_id for one in rates.read_rates(connection)}))


def _use_at(connection: Connection, now: dt.datetime) -> UseRow | None:
    """The use that decides about tracks that begin at a time."""
    return next((use for use in _uses_to_come(connection, now) if _has_begun(use, now)), None)


def _use_from(connection: Connection, now: dt.datetime) -> UseRow | None:
    """The use that decides about all tracks that begin from a time on; None if several do."""
    newest = next(_uses_to_come(connection, now), None)
    if newest is None or newest.until_time is not None or not _has_begun(newest, now):
        return None
    return newest


def _uses_to_come(connection: Connection, now: dt.datetime) -> Iterator[UseRow]:
    """The uses that count now or later, the newest first."""
    for use in rule_sets.list_uses(connection):
        if use.undone_at is None and (use.until_time is None or now < use.until_time):
            yield use


def _has_begun(use: UseRow, now: dt.datetime) -> bool:
    return use.from_time is None or use.from_time <= now


def _no_version(version: int) -> NotFoundError:
    return NotFoundError(
        f"there is no version {version} of the rules; `trackflow rules history` lists them"
    )
