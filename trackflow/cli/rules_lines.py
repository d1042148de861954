"""How the command `rules` prints previews and uses of rules."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackflow.categories.rules.preview import Differences
    from trackflow.categories.rules.rules import Outcome
    from trackflow.usecases.categories.rule_versions import UseRow

NO_CATEGORY = "(none)"


def preview_lines(found: "Differences", offset: int) -> list[str]:
    """What a preview prints: the changes, and sums by category before and after."""
    from trackflow.usecases.days.report import counted

    lines = [f"{counted(found.changed, 'track')} of {found.tracks:,} would change."]
    lines += [
        f"  {change.start_time:%Y-%m-%d %H:%M} UTC {change.device_id}, "
        f"{change.distance_m / 1000:.1f} km: {_outcome(change.before)} -> "
        f"{_outcome(change.after)}  {change.track_id}"
        for change in found.changes
    ]
    rest = found.changed - offset - len(found.changes)
    if rest > 0:
        lines.append(f"  and {rest:,} more: --offset {offset + len(found.changes)}")
    for category in sorted(found.before.keys() | found.after.keys()):
        sums = [side.get(category) for side in (found.before, found.after)]
        texts = [
            f"{counted(one.tracks, 'track')}, {one.distance_mm / 1e6:,.1f} km" if one else "nothing"
            for one in sums
        ]
        lines.append(f"{category or NO_CATEGORY}: {texts[0]} -> {texts[1]}")
    return lines + missing_lines(found.missing_rates)


def missing_lines(rates: "Sequence[str]") -> list[str]:
    """What is said of rates that rules name, and the table lacks."""
    return [
        f"Rate {rate} is not in the table of rates: its trips are paid nothing." for rate in rates
    ]


def _outcome(outcome: "Outcome") -> str:
    texts = [text for text in outcome.values if text]
    return ", ".join(texts) or NO_CATEGORY


def use_line(use: "UseRow") -> str:
    """A use of rules in the history."""
    start = f"{use.from_time:%Y-%m-%d %H:%M}" if use.from_time else "the beginning"
    end = f"{use.until_time:%Y-%m-%d %H:%M}" if use.until_time else "on"
    until = f"to {end} UTC" if use.until_time else "on, UTC"
    undone = f", undone {use.undone_at:%Y-%m-%d %H:%M} UTC" if use.undone_at else ""
    return (
        f"use {use.use_no}: version {use.version} from {start} {until}, "
        f"by {use.used_by} at {use.used_at:%Y-%m-%d %H:%M} UTC{undone}"
    )
