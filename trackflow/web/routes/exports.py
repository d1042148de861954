"""Downloads: tracks, points, visits, legs and stays as files of common formats."""

import datetime as dt
import re
import tempfile
from collections.abc import Iterator
from typing import IO, Annotated

from fastapi import Path, Query, Response
from fastapi.responses import StreamingResponse

from trackflow.exports.choices import ExportFormat, ExportSubject
from trackflow.exports.writing import RowFilter, export
from trackflow.geo.time import EARLIEST, LATEST
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.queries.line_sources import LineSource
from trackflow.web.answers.describing import sends
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import AnyTime, DeviceIds
from trackflow.web.security.access import open_to

router = guarded_router()

MEDIA_TYPES = {
    ExportFormat.GEOJSON: "application/geo+json",
    ExportFormat.GPX: "application/gpx+xml",
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.GEOPARQUET: "application/vnd.apache.parquet",
}
ENDINGS = dict(zip(ExportFormat, ("geojson", "gpx", "csv", "parquet"), strict=True))

IN_MEMORY_BYTES = 4_000_000
"""A larger file is written to the disk before it is sent."""

FILES = sends(
    {"application/gpx+xml": "", "text/csv": "", "application/vnd.apache.parquet": "binary"},
    "The file.",
)
FILES[200]["content"]["application/geo+json"] = {
    "schema": {"type": "object"},
    "example": {"type": "FeatureCollection", "features": []},
}


@router.get(
    "/api/v1/exports/{subject}",
    tags=["exports"],
    summary="Download a file",
    response_class=Response,
    responses=FILES,
)
@open_to(Scope.READ)
def download(
    context: ContextDep,
    subject: Annotated[ExportSubject, Path(description="What is in it.")],
    device: DeviceIds,
    when: AnyTime,
    format_: Annotated[
        ExportFormat, Query(alias="format", description="geojson, gpx, csv or geoparquet.")
    ] = ExportFormat.GEOJSON,
    line: Annotated[
        LineSource | None,
        Query(description="Of tracks: matched or raw; by default matched, in GPX raw."),
    ] = None,
) -> Response:
    """The file of `trackflow export`: what overlaps the time, of the devices, whole.

    400 if there is no such device. Hidden points are in no file.
    """
    file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115  sent later
    first = None if when.start == EARLIEST else when.start
    last = None if when.end == LATEST else when.end
    chosen = RowFilter(first, last, device)
    try:
        export(context, subject, format_, chosen, file, line)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    name = _name(subject, device, first, last) + "." + ENDINGS[format_]
    return StreamingResponse(
        _parts(file),
        media_type=MEDIA_TYPES[format_],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(size),
            "Cache-Control": "private, no-store",
        },
    )


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(1 << 18):
            yield part


def _name(
    subject: ExportSubject,
    device: tuple[str, ...] | None,
    first: dt.datetime | None,
    last: dt.datetime | None,
) -> str:
    """A file name of letters, digits, dots and hyphens."""
    of = device[0] if device and len(device) == 1 else ""
    days = [f"{moment:%Y-%m-%d}" for moment in (first, last) if moment is not None]
    parts = [subject.value, re.sub(r"[^A-Za-z0-9.]+", "-", of).strip("-."), *days]
    return "-".join(part for part in parts if part)[:100]
