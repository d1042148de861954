"""The EXIF item of a HEIC or AVIF photo, by the few boxes that lead to it (ISO 23008-12)."""

import os
from collections.abc import Iterator
from typing import IO

META_MAX_BYTES = 16 * 2**20
EXIF_MAX_BYTES = 16 * 2**20
_BOXES_MAX = 1_000


def exif_of_heif(file: IO[bytes]) -> bytes:
    """The EXIF data of a photo, as TIFF; empty if it has none.

    Raises:
        ValueError: its boxes make no sense.
    """
    size_bytes = file.seek(0, os.SEEK_END)
    meta = _meta(file, size_bytes)
    boxes = dict(_boxes(meta, 4))
    item = _exif_item(boxes.get(b"iinf", b""))
    if item is None:
        return b""
    data = b"".join(
        _item_part(file, start, length, in_meta, boxes.get(b"idat", b""))
        for start, length, in_meta in _item_parts(boxes.get(b"iloc", b""), item)
    )
    # the first four bytes give how far behind them the TIFF header is
    return data[4 + int.from_bytes(data[:4]) :]


def _item_part(file: IO[bytes], start: int, length: int, in_meta: bool, idat: bytes) -> bytes:
    length = min(length or EXIF_MAX_BYTES, EXIF_MAX_BYTES)
    if in_meta:
        return idat[start : start + length]
    file.seek(start)
    return file.read(length)


def _meta(file: IO[bytes], size_bytes: int) -> bytes:
    """What is in the box `meta` of the file."""
    at = 0
    for _ in range(_BOXES_MAX):
        if at + 8 > size_bytes:
            break
        file.seek(at)
        header = file.read(16)
        length, kind, head = int.from_bytes(header[:4]), header[4:8], 8
        if length == 1:
            length, head = int.from_bytes(header[8:16]), 16
        length = length or size_bytes - at
        if length < head:
            raise ValueError("a box that is shorter than its header")
        if kind == b"meta":
            file.seek(at + head)
            return file.read(min(length - head, META_MAX_BYTES))
        at += length
    return b""


def _boxes(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= len(data):
        length, kind, head = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16]), 16
        length = length or len(data) - at
        if length < head:
            raise ValueError("a box that is shorter than its header")
        yield kind, data[at + head : at + length]
        at += length


def _exif_item(iinf: bytes) -> int | None:
    """The number of the item that is EXIF data."""
    if len(iinf) < 6:
        return None
    for kind, data in _boxes(iinf, 6 if iinf[0] == 0 else 8):
        if kind == b"infe" and len(data) > 4 and data[0] >= 2:
            width = 2 if data[0] == 2 else 4
            if data[4 + width + 2 : 4 + width + 6] == b"Exif":
                return int.from_bytes(data[4 : 4 + width])
    return None


def _item_parts(iloc: bytes, item: int) -> Iterator[tuple[int, int, bool]]:
    """Where the pieces of an item are: first byte, length, and whether in `meta` itself."""
    if len(iloc) < 8:
        return
    version = iloc[0]
    offset_width, length_width, base_width = iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4
    index_width = iloc[5] & 15 if version in (1, 2) else 0
    wide = 4 if version == 2 else 2
    at = 6

    def number(width: int) -> int:
        nonlocal at
        if at + width > len(iloc):
            raise ValueError("a list of items that is cut off")
        value = int.from_bytes(iloc[at : at + width])
        at += width
        return value

    for _ in range(number(wide)):
        number_of_item = number(wide)
        method = number(2) & 15 if version in (1, 2) else 0
        number(2)
        base = number(base_width)
        for _ in range(number(2)):
            number(index_width)
            start, length = base + number(offset_width), number(length_width)
            if number_of_item == item:
                yield start, length, method == 1
