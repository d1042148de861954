"""The command that exports tracks, points, visits, legs and stays."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from trackflow.cli.common import (
    Device,
    FirstDay,
    LastDay,
    check_days,
    err,
    one_of,
    opened_context,
)
from trackflow.exports.choices import ExportFormat, ExportSubject
from trackflow.geo.periods import time_of_days
from trackflow.usecases.queries.line_sources import LineSource


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command(epilog="Example: trackflow export tracks --format gpx --device van-7 -o van-7.gpx")(
        export
    )


def export(
    subject: Annotated[
        ExportSubject,
        typer.Argument(
            help="tracks, points, visits (to race tracks), legs or stays.",
            show_default=False,
            **one_of(ExportSubject, "export") | {"metavar": "WHAT"},
        ),
    ],
    file_format: Annotated[
        ExportFormat | None,
        typer.Option(
            "--format", help="By the file's name, else geojson.", **one_of(ExportFormat, "format")
        ),
    ] = None,
    first: FirstDay = None,
    last: LastDay = None,
    device: Device = None,
    line: Annotated[
        LineSource | None,
        typer.Option(
            help="matched or raw lines; matched by default, raw in GPX.",
            **one_of(LineSource, "line"),
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")
    ] = None,
) -> None:
    """Write tracks, points, visits, legs or stays as GeoJSON, GPX, CSV or GeoParquet."""
    from trackflow.exports import writing as ex
    from trackflow.usecases.days.report import counted

    check_days(first, last)
    chosen = file_format or (ex.format_of(output) if output else None) or ExportFormat.GEOJSON
    start, end = time_of_days(first, last)
    selection = ex.RowFilter(start, end, device_ids=None if device is None else (device,))
    with opened_context() as context:
        if output is None:
            ex.export(context, subject, chosen, selection, sys.stdout.buffer, line)
            return
        count = ex.export_to_file(context, subject, chosen, selection, output, line)
    noun = counted(count, subject.removesuffix("s"))
    err.print(f"{noun} in {output}", markup=False, soft_wrap=True)
