"""Checks of the logbook: chains intact, no gap between entries and tracks, sums equal.

Chains are checked whole, whatever month a run makes: a byte that was changed in an old month is as
wrong as one in the last. Sums are those of the run's month.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.errors import step
from trackflow.defs.mileage.assets import MONTHS, mileage_report, month_of
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.categories.following import days_to_follow
from trackflow.usecases.mileage.books import verify_books
from trackflow.usecases.mileage.reconciling import MonthSums, compare_month

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
MOST_SHOWN = 20


@dg.asset_check(
    asset=mileage_report,
    description="No closed entry of any book was changed, left out or put in, as "
    "`trackflow logbook verify` proves.",
)
@step
def chain_is_intact(
    _context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Compute each hash anew."""
    with trackflow.open() as trackflow_context:
        books = verify_books(trackflow_context)
    wrong: list[metadata.Finding] = [
        {
            "vehicle": book.vehicle_id,
            "link": fault.chain_no,
            "kind": fault.kind,
            "problem": fault.problem,
        }
        for book in books
        for fault in book.faults
    ]
    wrong += [
        {"vehicle": book.vehicle_id, "link": 0, "kind": "book", "problem": problem}
        for book in books
        for problem in book.problems
    ]  # fmt: skip
    values: dict[str, metadata.Value] = {
        "books": len(books),
        "links": sum(book.links for book in books),
        "faults": len(wrong),
    }
    if wrong:
        values["found"] = metadata.findings(wrong[:MOST_SHOWN])
    text = f"{len(wrong):,} faults: books are not what was closed" if wrong else "intact"
    return dg.AssetCheckResult(passed=not wrong, severity=ERROR, metadata=values, description=text)


@dg.asset_check(
    asset=mileage_report,
    description="All trips of vehicles are in the books, as entries or as amendments.",
)
@step
def no_track_is_missing(
    _context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Look for days whose tracks wait for one of the steps that lead into the books."""
    with trackflow.open() as trackflow_context:
        days = days_to_follow(trackflow_context)
    text = f"{len(days):,} days wait: trackflow categorize" if days else "all in"
    return dg.AssetCheckResult(
        passed=not days,
        severity=WARN,
        metadata={"days": len(days)},
        description=text,
    )


@step
def _sums_are_equal(
    context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """Add up the books of each month of the run twice: by themselves, and by the tracks."""
    with trackflow.open() as trackflow_context:
        for partition in _partitions(context, trackflow_context):
            found = compare_month(trackflow_context, month_of(partition))
            yield _evaluation(trackflow.key("mileage_report"), partition, found)
    # not an AssetCheckResult: in a run of several months it would belong to none
    yield dg.Output(None)


sums_are_equal = dg.asset_check(
    asset=mileage_report,
    name="sums_are_equal",
    description="The trips of the month's books, as amended, are those that the tracks make: the "
    "same kilometres and categories, each in its month.",
    partitions_def=MONTHS,
)(_sums_are_equal)  # type: ignore[arg-type]  # it runs bodies that yield as well


def _partitions(
    context: dg.AssetCheckExecutionContext, trackflow_context: Context
) -> Sequence[str]:
    """The months of the run; this one and the one before if the run names none."""
    of_step = context.op_execution_context
    if of_step.has_partition_key or of_step.has_partition_key_range:
        return of_step.partition_keys
    return MONTHS.get_partition_keys(current_time=trackflow_context.clock())[-2:]


def _evaluation(
    key: dg.AssetKey, partition: str, found: Sequence[MonthSums]
) -> dg.AssetCheckEvaluation:
    wrong = [(one.vehicle_id, text) for one in found for text in one.differences]
    values: dict[str, metadata.Value] = {
        "km_of_books": sum(one.book_m for one in found) / 1000,
        "km_of_tracks": sum(one.tracks_m for one in found) / 1000,
        "differences": len(wrong),
    }
    if wrong:
        values["found"] = metadata.findings(
            [{"vehicle": vehicle, "difference": text} for vehicle, text in wrong[:MOST_SHOWN]]
        )
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name="sums_are_equal",
        passed=not wrong,
        severity=ERROR,
        description=f"{len(wrong):,} differences" if wrong else "equal",
        metadata=values,
        partition=partition,
    )
