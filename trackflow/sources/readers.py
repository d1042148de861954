"""The one way in: files found, recognised and read, whatever their format.

```
for source in discover("inbox"):
    for chunk in read(source, now_us=now_us):
        ...
```
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from trackflow.errors import BadInputError
from trackflow.sources.arc_files import read_arc
from trackflow.sources.archives import SourceFile, discover
from trackflow.sources.csv_files import read_csv
from trackflow.sources.door import fit_device
from trackflow.sources.excel_files import read_excel
from trackflow.sources.fit_files import read_fit
from trackflow.sources.formats import Format, detect
from trackflow.sources.garbage import collected_less
from trackflow.sources.geojson_files import read_geojson
from trackflow.sources.google_files import read_google
from trackflow.sources.gpx_files import read_gpx
from trackflow.sources.home_assistant_files import read_home_assistant
from trackflow.sources.igc_files import read_igc
from trackflow.sources.kml_files import read_kml
from trackflow.sources.nmea_files import read_nmea
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.overland_files import read_overland
from trackflow.sources.owntracks_files import read_owntracks
from trackflow.sources.parquet_files import read_parquet
from trackflow.sources.photo_files import read_photo
from trackflow.sources.photo_sidecars import read_photo_sidecar
from trackflow.sources.polarsteps_files import read_polarsteps
from trackflow.sources.records import Chunk, PointBatch, Reason, Refusal, few
from trackflow.sources.samsung_files import read_samsung
from trackflow.sources.streams import PIECE_BYTES, Stream
from trackflow.sources.tcx_files import read_tcx
from trackflow.sources.tracks_apart import told_apart

__all__ = [
    "Chunk",
    "Format",
    "PointBatch",
    "Reason",
    "Refusal",
    "SourceFile",
    "detect",
    "discover",
    "read",
]


class _Reader(Protocol):
    def __call__(
        self,
        stream: Stream,
        *,
        device_id: str | None,
        fallback_device: str,
        now_us: int,
        options: ReadOptions,
    ) -> Iterator[Chunk]: ...


_READERS: dict[Format, _Reader] = {
    Format.CSV: read_csv,
    Format.GPX: read_gpx,
    Format.GEOJSON: read_geojson,
    Format.TCX: read_tcx,
    Format.KML: read_kml,
    Format.FIT: read_fit,
    Format.GOOGLE: read_google,
    Format.OWNTRACKS: read_owntracks,
    Format.OVERLAND: read_overland,
    Format.EXCEL: read_excel,
    Format.PARQUET: read_parquet,
    Format.NMEA: read_nmea,
    Format.IGC: read_igc,
    Format.HOME_ASSISTANT: read_home_assistant,
    Format.POLARSTEPS: read_polarsteps,
    Format.SAMSUNG: read_samsung,
    Format.ARC: read_arc,
    Format.PHOTO: read_photo,
    Format.PHOTO_SIDECAR: read_photo_sidecar,
}


_TRACKS_OF = {
    Format.GPX: re.compile(rb"<(?:[\w.-]+:)?trk[\s>]"),
    Format.KML: re.compile(rb"<(?:[\w.-]+:)?Track[\s>]"),
    Format.GEOJSON: re.compile(rb'"(?:Multi)?LineString"'),
}
"""How the tracks of formats begin that name no device for each."""
_MARKS = {
    Format.GPX: [b"trk%c" % end for end in b"> \t\n\r\f\v"],
    Format.KML: [b"Track%c" % end for end in b"> \t\n\r\f\v"],
    Format.GEOJSON: [b'LineString"'],
}
"""What each of these has in it: a search for bytes is far faster than one for a pattern."""
_LONGEST_TAG = 64


def read(
    source: SourceFile,
    *,
    device_id: str | None = None,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    fallback_device: str | None = None,
) -> Iterator[Chunk]:
    """The points of one file, chunk by chunk, with bounded memory.

    A file that ends too early gives what it has, and a refusal `truncated` at the end.

    Args:
        source: what `discover` found.
        device_id: the device of all points, whatever the file says; by default what the file
            says, else `fallback_device`.
        now_us: UTC microseconds; times more than a day after it are refused.
        options: what a person said about the file.
        fallback_device: the device of points that name none; by default what `named_device` says.

    Raises:
        BadInputError: the file cannot be read at all, or not further; its neighbours may well.
    """
    if device_id is not None and not fit_device(device_id.strip()):
        raise BadInputError("a device id must have 1 to 200 visible characters")
    fallback = fallback_device or source.named_device.device_id
    labelled = replace(options, label_tracks=True)
    if device_id is None and _has_several_tracks(source):
        chunks = told_apart(lambda: _read_once(source, None, fallback, now_us, labelled), fallback)
    else:
        chunks = _read_once(source, device_id, fallback, now_us, options)
    with collected_less():
        for chunk in chunks:
            yield replace(chunk, refused=few(chunk.refused))


def _read_once(
    source: SourceFile, device_id: str | None, fallback: str, now_us: int, options: ReadOptions
) -> Iterator[Chunk]:
    """Like `read`, with the device of unnamed tracks as `options.label_tracks` says.

    Args:
        source: what `discover` found.
        device_id: the device of all points.
        fallback: the device of points that name none.
        now_us: UTC microseconds.
        options: what a person said about the file.
    """
    with source.open() as stream:
        if source.format is None:
            raise BadInputError(f"{source.name}: its format is not known")
        yield from _READERS[source.format](
            stream,
            device_id=device_id,
            fallback_device=fallback,
            now_us=now_us,
            options=options,
        )


def _has_several_tracks(source: SourceFile) -> bool:
    """Whether a file has more than one track: only then is there anything to tell apart."""
    beginning = None if source.format is None else _TRACKS_OF.get(source.format)
    if beginning is None or source.format is None:
        return False
    marks = _MARKS[source.format]
    count, tail = 0, b""
    with source.open() as stream:
        while piece := stream.read(PIECE_BYTES):
            held = tail + piece
            last = 0
            if all(mark not in held for mark in marks):
                tail = held[len(held) - _LONGEST_TAG :]
                continue
            for found in beginning.finditer(held):
                count += 1
                last = found.end()
            if count > 1:
                return True
            tail = held[max(last, len(held) - _LONGEST_TAG) :]
    return False
