"""Checks of categorized tracks, by day."""

import datetime as dt

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.days.day_check import WARN, DayCheck
from trackflow.defs.days.running import CATEGORIZED
from trackflow.defs.verdicts import CheckVerdict
from trackflow.usecases.categories import leg_checks
from trackflow.usecases.days.report import counted

LARGEST_SHARE = 0.2
"""Share of a day's tracks without a category; beyond it, rules are missing."""


def judge_share(trackflow_context: Context, day: dt.date) -> CheckVerdict:
    """Count the tracks that no rule and no person has given a category."""
    found = leg_checks.leg_numbers(trackflow_context, day, day)[day]
    share = found.uncategorized_share
    numbers: dict[str, metadata.Value] = {
        "tracks": found.tracks,
        "uncategorized": found.uncategorized,
        "uncategorized_share": round(share, 4),
    }
    if not leg_checks.has_rules(trackflow_context):
        return CheckVerdict(
            True, "there are no rules: `trackflow rules` shows how to begin", numbers
        )
    description = f"{found.uncategorized:,} of {counted(found.tracks, 'track')} have no category"
    return CheckVerdict(share <= LARGEST_SHARE, description, numbers)


def judge_cover(trackflow_context: Context, day: dt.date) -> CheckVerdict:
    """Compare the times of legs with those of tracks."""
    found = leg_checks.check_cover(trackflow_context, day)
    numbers: dict[str, metadata.Value] = {"tracks": found.tracks, "faults": len(found.wrong)}
    if found.is_waiting:
        return CheckVerdict(True, "the day's legs wait to be found", numbers)
    if found.wrong:
        numbers["wrong"] = metadata.findings(found.wrong[: leg_checks.MOST_FINDINGS])
        description = f"legs of {counted(len(found.wrong), 'track')} have holes or overlap"
        return CheckVerdict(False, description, numbers)
    return CheckVerdict(True, f"legs cover {counted(found.tracks, 'track')}", numbers)


def judge_speeds(trackflow_context: Context, day: dt.date) -> CheckVerdict:
    """Compare mean speeds of legs with what their modes reach."""
    found = leg_checks.check_speeds(trackflow_context, day)
    numbers: dict[str, metadata.Value] = {"legs": found.legs, "too_fast": len(found.wrong)}
    if found.wrong:
        numbers["wrong"] = metadata.findings(found.wrong[: leg_checks.MOST_FINDINGS])
        description = f"{counted(len(found.wrong), 'leg')} too fast for the mode"
        return CheckVerdict(False, description, numbers)
    return CheckVerdict(True, f"{counted(found.legs, 'leg')}, none too fast for its mode", numbers)


CATEGORY_CHECKS = (
    DayCheck(
        "legs_cover_tracks",
        CATEGORIZED,
        "Each moment of a track lies in exactly one leg: no hole, no overlap.",
        judge_cover,
    ),
    DayCheck(
        "modes_fit_speeds",
        CATEGORIZED,
        "No leg is faster than its travel mode can be: nobody walks at 15 km/h or cycles at 60.",
        judge_speeds,
        severity=WARN,
    ),
    DayCheck(
        "tracks_have_categories",
        CATEGORIZED,
        "Most tracks of the day have a category, by a rule or by a person, once there are rules.",
        judge_share,
        severity=WARN,
    ),
)
