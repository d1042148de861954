"""Checks of the logbook: chains intact, no gap between entries and tracks, sums equal.

Books are checked whole, whatever month a run makes: a byte that was changed in an old month is as
wrong as one in the last.
"""

import dagster as dg

from trackflow.defs import metadata
from trackflow.defs.errors import step
from trackflow.defs.mileage.assets import mileage_report
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.categories.following import days_to_follow
from trackflow.usecases.mileage.books import list_entries, verify_books
from trackflow.usecases.mileage.reports import month_reports, months_of

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
MOST_SHOWN = 20


@dg.asset_check(
    asset=mileage_report,
    description="No closed entry of any book was changed, left out or put in.",
)
@step
def chain_is_intact(
    _context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Compute each hash anew."""
    with trackflow.open() as trackflow_context:
        books = verify_books(trackflow_context)
    wrong = [(book.vehicle_id, fault) for book in books for fault in book.faults]
    values: dict[str, metadata.Value] = {
        "books": len(books),
        "links": sum(book.links for book in books),
        "faults": len(wrong),
    }
    if wrong:
        values["found"] = metadata.findings(
            [
                {"vehicle": vehicle_id, "link": fault.chain_no, "kind": fault.kind,
                 "problem": fault.problem}
                for vehicle_id, fault in wrong[:MOST_SHOWN]
            ]
        )  # fmt: skip
    text = f"{len(wrong):,} links are not what was closed" if wrong else "intact"
    return dg.AssetCheckResult(passed=not wrong, severity=ERROR, metadata=values, description=text)


@dg.asset_check(
    asset=mileage_report,
    description="All tracks of vehicles are in the books, as entries or as amendments.",
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


@dg.asset_check(
    asset=mileage_report,
    description="Each month's sums are those of its trips, and all months' those of the books.",
)
@step
def sums_are_equal(
    _context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Add up the books in two ways."""
    with trackflow.open() as trackflow_context:
        reports = [
            report
            for month in months_of(trackflow_context)
            for report in month_reports(trackflow_context, month)
        ]
        in_books_m = sum(one.entry.content["distance_m"] for one in list_entries(trackflow_context))
    in_reports_m = sum(report.distance_m for report in reports)
    wrong = [
        f"{report.vehicle_id} {report.month}"
        for report in reports
        if report.distance_m != sum(trip.content["distance_m"] for trip in report.trips)
    ]
    if in_reports_m != in_books_m:
        wrong.append("all months together")
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=ERROR,
        metadata={"km_of_reports": in_reports_m / 1000, "km_of_books": in_books_m / 1000},
        description=f"not equal: {', '.join(wrong[:MOST_SHOWN])}" if wrong else "equal",
    )
