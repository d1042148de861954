"""A check of OpenStreetMap pbf files before minutes are spent on them.

A pbf is a chain of blocks: the length of a header (4 bytes, big-endian), the header (protobuf:
field 1 the block's type, field 3 the length of its data), the data. Walking the chain reads a few
bytes per block and tells apart what OSRM's own messages do not: "not a pbf" from "cut short". OSRM
even accepts a file that was cut within a block's header, and would build half a network.
"""

from pathlib import Path
from typing import BinaryIO

from trackflow.errors import NetworkBuildError
from trackflow.geo.varint import read_varint

MAX_HEADER_BYTES = 64 * 1024  # the format's own limit
MAX_DATA_BYTES = 32 * 1024 * 1024
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _CutShortError(Exception):
    pass


def no_extract(path: Path, what: str) -> NetworkBuildError:
    """The error for a file that is something else: what it is, and what to take instead."""
    return NetworkBuildError(
        f"{path.name} is not an OpenStreetMap extract (it looks like {what}): .osm.pbf, .osm, "
        ".osm.gz and .osm.bz2 can be read, such as those of https://download.geofabrik.de"
    )


def check_pbf(path: Path) -> None:
    """Make sure that `path` looks like a complete pbf.

    Raises:
        NetworkBuildError: it is empty, something else, or cut short.
    """
    size = path.stat().st_size
    if size == 0:
        raise NetworkBuildError(f"{path.name} is empty: download it again")
    with path.open("rb") as file:
        first = True
        try:
            while (kind := _next_block(file, size)) is not None:
                if first and kind != b"OSMHeader":
                    raise ValueError
                first = False
        except ValueError:
            if first:
                raise no_extract(path, "other data") from None
            raise NetworkBuildError(
                f"{path.name} is damaged after {file.tell()} bytes: download it again"
            ) from None
        except _CutShortError:
            raise NetworkBuildError(
                f"{path.name} is cut short (it ends within a block): download it again"
            ) from None


def _next_block(file: BinaryIO, size: int) -> bytes | None:
    """The type of the next block, None at the end; `file` is moved behind it."""
    length_bytes = file.read(4)
    if not length_bytes:
        return None
    length = int.from_bytes(length_bytes, "big")
    if len(length_bytes) == 4 and not 0 < length <= MAX_HEADER_BYTES:
        raise ValueError
    header = file.read(length)
    if len(length_bytes) < 4 or len(header) < length:
        raise _CutShortError
    kind, data_bytes = _parse_header(header)
    if file.tell() + data_bytes > size:
        raise _CutShortError
    file.seek(data_bytes, 1)
    return kind


def _parse_header(header: bytes) -> tuple[bytes, int]:
    """The type and the length of the data of a block."""
    kind, data_bytes, at = b"", -1, 0
    while at < len(header):
        key, at = read_varint(header, at)
        field, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = read_varint(header, at)
            if field == 3:
                data_bytes = value
        elif wire == _BYTES:
            length, at = read_varint(header, at)
            if field == 1:
                kind = header[at : at + length]
            at += length
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError
    if at != len(header) or not kind or not 0 <= data_bytes <= MAX_DATA_BYTES:
        raise ValueError
    return kind, data_bytes
