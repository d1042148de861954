"""Finds, recognises and reads files of all formats.

```
for source in discover("inbox"):
    for chunk in read(source, now_us=now_us):
        ...
```
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from trackflow.errors import BadInputError
from trackflow.sources.admission import fit_device
from trackflow.sources.containers.archives import SourceFile, discover
from trackflow.sources.containers.streams import PIECE_BYTES
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.garbage import collected_less
from trackflow.sources.recognition import detect, known_formats
from trackflow.sources.records import Chunk, PointBatch, Refusal, RefusalReason, few
from trackflow.sources.tracks_apart import separated_tracks

__all__ = [
    "Chunk",
    "PointBatch",
    "Refusal",
    "RefusalReason",
    "SourceFile",
    "detect",
    "discover",
    "read",
]


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
        device_id: the device of all points, by default those that the file names, else
            `fallback_device`.
        now_us: UTC microseconds; times more than a day after it are refused.
        options: the person's settings for the file.
        fallback_device: the device of points that name none; by default that of `named_device`.

    Raises:
        BadInputError: the file cannot be read at all, or not further; its neighbours may well.
    """
    if device_id is not None and not fit_device(device_id.strip()):
        raise BadInputError("a device id must have 1 to 200 visible characters")
    fallback = fallback_device or source.named_device.device_id
    labelled = replace(options, label_tracks=True)
    if device_id is None and _has_several_tracks(source):
        chunks = separated_tracks(
            lambda: _read_once(source, None, fallback, now_us, labelled), fallback
        )
    else:
        chunks = _read_once(source, device_id, fallback, now_us, options)
    with collected_less():
        for chunk in chunks:
            yield replace(chunk, refused=few(chunk.refused))


def _read_once(
    source: SourceFile, device_id: str | None, fallback: str, now_us: int, options: ReadOptions
) -> Iterator[Chunk]:
    """Like `read`, with the device of unnamed tracks as `options.label_tracks` sets it.

    Args:
        source: what `discover` found.
        device_id: the device of all points.
        fallback: the device of points that name none.
        now_us: UTC microseconds.
        options: the person's settings for the file.
    """
    with source.open() as stream:
        if source.format is None:
            raise BadInputError(f"{source.name}: its format is not known")
        yield from known_formats()[source.format].read(
            stream,
            device_id=device_id,
            fallback_device=fallback,
            now_us=now_us,
            options=options,
        )


def _has_several_tracks(source: SourceFile) -> bool:
    """Whether a file has more than one track: only then can there be several devices."""
    if source.format is None:
        return False
    file_format = known_formats()[source.format]
    track, group = file_format.track_start, file_format.group_start
    return (track is not None and _has_several(source, track, file_format.track_marks)) or (
        group is not None and _has_several(source, group, ())
    )


def _has_several(
    source: SourceFile, beginning: re.Pattern[bytes], marks: tuple[bytes, ...]
) -> bool:
    """Whether a pattern is more than once in a file; each is looked for where a mark is, if any."""
    count, tail = 0, b""
    with source.open() as stream:
        while piece := stream.read(PIECE_BYTES):
            text = tail + piece
            last = 0
            if marks and all(mark not in text for mark in marks):
                tail = text[len(text) - _LONGEST_TAG :]
                continue
            for found in beginning.finditer(text):
                count += 1
                last = found.end()
            if count > 1:
                return True
            tail = text[max(last, len(text) - _LONGEST_TAG) :]
    return False
