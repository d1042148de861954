"""Whether a listing may be believed, and which tracks it may deactivate. Pure, reasons in words.

A catalogue must never be wiped by a source's bad day. A listing that is empty or cut off changes
nothing. One that lacks more than a tenth of the stored tracks changes nothing either until a person
approves it. A track is deactivated when two believable listings in a row lack it. In a short list a
tenth is a few tracks: there an approval holds for the tracks that it was given for, so that the
second listing without them needs none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trackflow.catalogue.failures import Failure
from trackflow.catalogue.records import Listing, StoredTrack

MOST_MISSING = 0.1
"""The share of active tracks that a listing may lack without a person's approval."""

SHORT_LIST = 100
"""Tracks. In a longer list, a tenth that is missing twice is no club that has closed."""

MISSES_TO_DEACTIVATE = 2
MOST_UNUSABLE = 0.1
"""The share of rows that may be unusable; with more, the page is not what it was."""


class GuardAction(StrEnum):
    """What to do with a listing."""

    GO_ON = "go on"
    ASK = "ask for approval"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether to go on with a sync, and what it does to tracks that are not listed.

    Attributes:
        action: only with GO_ON may anything be written.
        reasons: in words, for the report and alerts; empty if all is well.
        deactivate: slugs that have now been missed often enough.
        missed: slugs that were missed now but not often enough; their count goes up by one.
    """

    action: GuardAction
    reasons: tuple[str, ...] = ()
    deactivate: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()

    @property
    def may_write(self) -> bool:
        """Whether the sync may change anything."""
        return self.action is GuardAction.GO_ON


def judge(
    listing: Listing,
    stored: Mapping[str, StoredTrack],
    *,
    is_approved: bool = False,
    most_missing: float = MOST_MISSING,
) -> Judgement:
    """Judge a listing by itself and against what is stored.

    Args:
        listing: as received.
        stored: all tracks of the source by slug.
        is_approved: whether a person has approved that so many tracks are missing. It lifts that
            guard only: an empty or cut-off listing is refused all the same.
        most_missing: the share of active tracks that may be missing without approval.
    """
    refusal = _refusal(listing)
    if refusal is not None:
        return Judgement(GuardAction.REFUSE, (refusal,))
    listed = {row.slug for row in listing.rows}
    active = [slug for slug, old in stored.items() if old.is_active]
    missing = sorted(slug for slug in active if slug not in listed)
    is_short = len(active) < SHORT_LIST
    # the sync before has counted the others as missed: a person, or the guard, has let it
    doubted = [slug for slug in missing if not (is_short and stored[slug].misses)]
    share = len(doubted) / len(active) if active else 0.0
    reasons: tuple[str, ...] = ()
    if share > most_missing:
        reason = (
            f"{len(doubted)} of {len(active)} stored tracks ({share:.0%}) are not in the list, "
            f"which has {len(listing.rows)}; more than {most_missing:.0%} needs an approval"
        )
        if not is_approved:
            return Judgement(GuardAction.ASK, (reason,))
        reasons = (f"{reason}, which was given",)
    deactivate = tuple(s for s in missing if stored[s].misses + 1 >= MISSES_TO_DEACTIVATE)
    gone = set(deactivate)
    return Judgement(
        GuardAction.GO_ON, reasons, deactivate, tuple(s for s in missing if s not in gone)
    )


def _refusal(listing: Listing) -> str | None:
    """Why a listing is not credible, independent of the store; None if it is."""
    if not listing.rows:
        return "the list is empty: nothing is changed"
    if not listing.is_whole:
        return f"the list breaks off after {len(listing.rows)} tracks: nothing is changed"
    unusable = listing.row_count - len(listing.rows)
    if unusable > MOST_UNUSABLE * listing.row_count:
        return f"{unusable} of {listing.row_count} rows of the list cannot be used"
    return None


MOST_CHANGED = 0.1
"""The share of pages with another structure beyond which the site, and not a page, has changed."""

MOST_FAILED = 0.25
"""The share of pages that may fail for other reasons before a person is asked to look."""


def alarms(failures: Sequence[Failure], asked: int) -> tuple[str, ...]:
    """What is wrong with the source as a whole, in words; empty if it is single pages.

    Args:
        failures: of this sync.
        asked: pages that were asked for.
    """
    changed = sum(failure.kind == "structure" for failure in failures)
    other = sum(failure.kind not in ("structure", "stopped") for failure in failures)
    found = []
    if changed > MOST_CHANGED * asked:
        found.append(
            f"{changed} of {asked} pages lack what is known of their structure: the site has "
            "changed, and the connector has to follow"
        )
    if other > MOST_FAILED * asked:
        found.append(f"{other} of {asked} pages failed: see the report for the kinds of failure")
    return tuple(found)
