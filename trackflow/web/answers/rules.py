"""Rules, previews of them, and their history."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, TypedDict

from trackflow.categories.rules.preview import CategorySum, Differences, TrackChange
from trackflow.categories.rules.rules import Outcome
from trackflow.categories.rules.toml import json_table, write_toml
from trackflow.usecases.categories.rule_versions import (
    RulesHistory,
    RulesVersion,
    SaveReport,
    UseRow,
)
from trackflow.web.answers.describing import described


@described
class HolidaysAnswer(TypedDict):
    """The days that count as holidays."""

    country: str | None
    """Code of ISO 3166, such as DE; null for none."""
    subdivision: str | None
    """Code within the country, such as BY; null for the whole country."""
    dates: list[dt.date]
    """Own dates."""


@described
class RuleAnswer(TypedDict):
    """A rule: conditions, and what a track is for that meets them."""

    rule_id: str
    name: str
    category: str | None
    purpose: str | None
    partner: str | None
    rate: str | None
    stop: bool
    """Whether no later rule is asked when it holds."""
    when: dict[str, Any]
    """The conditions, as in the TOML file."""


@described
class RulesAnswer(TypedDict):
    """A version of the rules."""

    version: int
    """0 where there are no rules, and for a draft."""
    holidays: HolidaysAnswer
    rules: list[RuleAnswer]
    toml: str
    """The same as TOML."""


@described
class SaveReportAnswer(TypedDict):
    """Rules that were saved."""

    version: int
    use_no: int
    """Number of the use from now on."""
    is_new: bool
    """False if the newest version was the same."""
    missing_rates: list[str]
    """Rates that the rules name, and the table of rates lacks: their trips are paid nothing."""


@described
class RulesUseAnswer(TypedDict):
    """For which time a version is used; the newest that covers a track's start decides."""

    use_no: int
    version: int
    from_time: dt.datetime | None
    """UTC; null for the beginning."""
    until_time: dt.datetime | None
    """UTC, not included; null for ever."""
    used_by: str
    used_at: dt.datetime
    undone_at: dt.datetime | None
    """Null while it counts."""


@described
class ChangedUseAnswer(TypedDict):
    """A use that was made or undone."""

    use: RulesUseAnswer
    changed: int
    """Tracks that were decided anew with another result."""


@described
class RulesVersionAnswer(TypedDict):
    """A saved version."""

    version: int
    comment: str | None
    saved_by: str
    saved_at: dt.datetime
    rules: int
    """How many rules it has."""


@described
class RulesHistoryAnswer(TypedDict):
    """All versions and uses."""

    versions: list[RulesVersionAnswer]
    """The newest first."""
    uses: list[RulesUseAnswer]
    """The newest first."""


@described
class OutcomeAnswer(TypedDict):
    """What a track is for."""

    category: str | None
    purpose: str | None
    partner: str | None
    rate: str | None
    origins: dict[str, list[str]]
    """By each of these that is given: rule, person or import; and the id of what decided it."""


@described
class TrackChangeAnswer(TypedDict):
    """A track that would change."""

    track_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    distance_m: float
    before: OutcomeAnswer
    after: OutcomeAnswer


@described
class CategorySumAnswer(TypedDict):
    """Tracks of one category, before and after."""

    category: str | None
    """Null for none."""
    tracks_before: int
    before_m: float
    """Their length."""
    tracks_after: int
    after_m: float
    """Their length."""


@described
class PreviewAnswer(TypedDict):
    """What a draft of rules would change."""

    tracks: int
    """How many were compared."""
    changed: int
    """How many of them would change."""
    changes: list[TrackChangeAnswer]
    """Those of the page, by start."""
    sums: list[CategorySumAnswer]
    """By category."""
    missing_rates: list[str]
    """Rates that the draft names, and the table of rates lacks: their trips are paid nothing."""


def rules_answer(found: RulesVersion) -> RulesAnswer:
    """A version of the rules, as tables and as TOML."""
    calendar = found.rules.holidays
    tables = json_table(found.rules)["rules"]
    return {
        "version": found.version,
        "holidays": {
            "country": calendar.country or None,
            "subdivision": calendar.subdivision or None,
            "dates": list(calendar.own),
        },
        "rules": [_rule(table) for table in tables],
        "toml": write_toml(found.rules),
    }


def _rule(table: Mapping[str, Any]) -> RuleAnswer:
    return {
        "rule_id": table["id"],
        "name": table["name"],
        "category": table.get("category"),
        "purpose": table.get("purpose"),
        "partner": table.get("partner"),
        "rate": table.get("rate"),
        "stop": table.get("stop", False),
        "when": table["when"],
    }


def saved_answer(saved: SaveReport) -> SaveReportAnswer:
    """A version that was saved."""
    return {
        "version": saved.version,
        "use_no": saved.use_no,
        "is_new": saved.is_new,
        "missing_rates": list(saved.missing_rates),
    }


def use_answer(use: UseRow) -> RulesUseAnswer:
    """A use of a version."""
    return {
        "use_no": use.use_no,
        "version": use.version,
        "from_time": use.from_time,
        "until_time": use.until_time,
        "used_by": use.used_by,
        "used_at": use.used_at,
        "undone_at": use.undone_at,
    }


def history_answer(found: RulesHistory) -> RulesHistoryAnswer:
    """All versions and uses."""
    return {
        "versions": [
            {
                "version": one.version,
                "comment": one.comment,
                "saved_by": one.saved_by,
                "saved_at": one.saved_at,
                "rules": one.rules,
            }
            for one in found.versions
        ],
        "uses": [use_answer(use) for use in found.uses],
    }


def outcome_answer(outcome: Outcome) -> OutcomeAnswer:
    """What a track is for, and what decided it."""
    return {
        "category": outcome.category,
        "purpose": outcome.purpose,
        "partner": outcome.partner,
        "rate": outcome.rate,
        "origins": {name: [kind, ident] for name, kind, ident in outcome.origins},
    }


def preview_answer(found: Differences) -> PreviewAnswer:
    """What a draft would change."""
    names = sorted(found.before.keys() | found.after.keys())
    return {
        "tracks": found.tracks,
        "changed": found.changed,
        "changes": [_track_change(one) for one in found.changes],
        "sums": [_sums(name, found.before.get(name), found.after.get(name)) for name in names],
        "missing_rates": list(found.missing_rates),
    }


def _track_change(one: TrackChange) -> TrackChangeAnswer:
    return {
        "track_id": uuid.UUID(one.track_id),
        "device_id": one.device_id,
        "start_time": one.start_time,
        "end_time": one.end_time,
        "distance_m": one.distance_m,
        "before": outcome_answer(one.before),
        "after": outcome_answer(one.after),
    }


def _sums(name: str, before: CategorySum | None, after: CategorySum | None) -> CategorySumAnswer:
    old, new = before or CategorySum(), after or CategorySum()
    return {
        "category": name or None,
        "tracks_before": old.tracks,
        "before_m": old.distance_mm / 1000,
        "tracks_after": new.tracks,
        "after_m": new.distance_mm / 1000,
    }
