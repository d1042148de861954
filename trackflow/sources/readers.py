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
from functools import cache
from importlib import import_module
from typing import Protocol

from trackflow.errors import BadInputError
from trackflow.sources.admission import fit_device
from trackflow.sources.containers.archives import SourceFile, discover
from trackflow.sources.containers.streams import PIECE_BYTES, Stream
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.garbage import collected_less
from trackflow.sources.recognition import Format, detect
from trackflow.sources.records import Chunk, PointBatch, Reason, Refusal, few
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


_READERS = {
    Format.CSV: "csv.read_csv",
    Format.GPX: "gpx.read_gpx",
    Format.GEOJSON: "geojson.read_geojson",
    Format.TCX: "tcx.read_tcx",
    Format.KML: "kml.read_kml",
    Format.FIT: "fit.read_fit",
    Format.GOOGLE: "google.read_google",
    Format.OWNTRACKS: "owntracks.read_owntracks",
    Format.OVERLAND: "overland.read_overland",
    Format.EXCEL: "excel.read_excel",
    Format.PARQUET: "parquet.read_parquet",
    Format.NMEA: "nmea.read_nmea",
    Format.IGC: "igc.read_igc",
    Format.HOME_ASSISTANT: "home_assistant.read_home_assistant",
    Format.POLARSTEPS: "polarsteps.read_polarsteps",
    Format.SAMSUNG: "samsung.read_samsung",
    Format.ARC: "arc.read_arc",
    Format.PHOTO: "photo.read_photo",
    Format.PHOTO_SIDECAR: "photo_sidecar.read_photo_sidecar",
}
"""The module and the function of each reader: only those of the formats that come are imported."""


@cache
def _reader_of(format_: Format) -> _Reader:
    module, _, function = _READERS[format_].partition(".")
    reader: _Reader = getattr(import_module(f"trackflow.sources.formats.{module}"), function)
    return reader


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
        yield from _reader_of(source.format)(
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
