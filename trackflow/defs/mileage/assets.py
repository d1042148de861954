"""The asset of the logbook: the report of each month."""

import dagster as dg

from trackflow.defs import metadata
from trackflow.defs.errors import step
from trackflow.defs.owners import OWNERS
from trackflow.defs.partitions import FIRST_DAY
from trackflow.defs.resources import TrackflowResource
from trackflow.exports.mileage.writing import report_bytes, write_reports
from trackflow.mileage.report import MonthReport, amounts_of
from trackflow.usecases.mileage.reports import month_reports

GROUP = "logbook"
CODE_VERSION = "2"

MONTHS = dg.MonthlyPartitionsDefinition(
    start_date=f"{FIRST_DAY:%Y-%m}-01",
    timezone="UTC",
    end_offset=1,  # this month as well: its trips so far are worth seeing
)

TEXT = """
**The logbook of each vehicle, month by month**: trips, sums by category, the share of business
kilometres, amounts, trips that the table of rates does not pay (`unpaid`), the odometer with the
kilometres that no trip explains, the tracks that the book leaves out, amendments, and the hash that
stands for the whole book.

It is made on the third of a month for the month before, shown here as Markdown, and written as CSV,
XLSX, PDF and Markdown to `reports/` in `TRACKFLOW_HOME`. Of private trips it holds kilometres only.
`trackflow logbook export MONTH` writes the same files.
"""


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"markdown", "python"},
    tags={"trackflow/stage": "mileage"},
    code_version=CODE_VERSION,
    deps=["categorized_tracks"],
    partitions_def=MONTHS,
    metadata=metadata.of_table("logbook_entries"),
    description=TEXT,
)
@step
def mileage_report(
    context: dg.AssetExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.MaterializeResult[None]:
    """Write the month of each vehicle, and show it."""
    with trackflow.open() as trackflow_context:
        reports = month_reports(trackflow_context, month_of(context.partition_key))
        folder = trackflow_context.settings.home / "reports"
    paths = write_reports(reports, folder)
    text = "\n\n".join(report_bytes(report, "md").decode() for report in reports)
    return dg.MaterializeResult(
        metadata={
            "report": dg.MetadataValue.md(text or "No vehicle has a trip in this month."),
            "files": dg.MetadataValue.json([str(path) for path in paths]),
            **numbers(reports),
        }
    )


def month_of(key: str) -> str:
    """The month of a partition key, such as 2026-11."""
    return key[:7]


def numbers(reports: list[MonthReport]) -> dict[str, metadata.Value]:
    """Numbers that plot, of all vehicles together, and each vehicle's hashes."""
    metres: dict[str, int] = {}
    sums = [one for report in reports for one in report.sums]
    for one in sums:
        metres[one.category] = metres.get(one.category, 0) + one.distance_m
    total_m = sum(metres.values())
    elsewhere = [report.left_out_sum(twice=False) for report in reports]
    twice = [report.left_out_sum(twice=True) for report in reports]
    values: dict[str, metadata.Value] = {
        metadata.ROWS: sum(len(report.trips) for report in reports),
        "vehicles": len(reports),
        "km": total_m / 1000,
        "amendments": sum(len(report.amendments) for report in reports),
        "left_out": sum(tracks for tracks, _ in elsewhere),
        "left_out_km": sum(left_m for _, left_m in elsewhere) / 1000,
        "recorded_twice": sum(tracks for tracks, _ in twice),
        "recorded_twice_km": sum(left_m for _, left_m in twice) / 1000,
        "unexplained_km": sum(report.unexplained_m for report in reports) / 1000,
        **{f"km/{category}": found / 1000 for category, found in sorted(metres.items())},
        **{f"amount/{unit}": float(amount) for unit, amount in sorted(amounts_of(sums).items())},
        "unpaid": sum(one.unpaid for one in sums),
        **{f"last_hash/{report.vehicle_id}": report.last_hash or "-" for report in reports},
    }
    if total_m:
        values["business_share"] = round(metres.get("business", 0) / total_m, 4)
    return values
