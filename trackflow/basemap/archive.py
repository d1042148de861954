"""Reads tiles from a PMTiles archive: one file with a directory of all tiles.

The package `pmtiles` knows the format; its reader unpacks the directory at each tile, which takes
longer than all the rest, so that directories are kept here.
"""

import gzip
import json
import mmap
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Self

from pmtiles.tile import (
    Entry,
    deserialize_directory,
    deserialize_header,
    find_tile,
    zxy_to_tileid,
)

from trackflow.errors import BaseMapError
from trackflow.geo.bbox import Bbox

HEADER_BYTES = 127

DEEPEST = 4
"""Directories within directories, at most: the format's own limit."""

DIRECTORIES_KEPT = 64

DAMAGED = (
    ValueError,
    KeyError,
    IndexError,
    EOFError,
    TypeError,
    OSError,
    OverflowError,
    zlib.error,
)
"""What the package raises at a file that is something else or damaged."""


class TileArchive:
    """An archive of vector tiles; may be used by several threads."""

    def __init__(self, path: Path) -> None:
        """Open an archive.

        Raises:
            FileNotFoundError: there is none.
            BaseMapError: it is damaged or something else.
        """
        with path.open("rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise BaseMapError(f"{path} is empty: build the network again") from None
        self._path = path
        self._directory = lru_cache(DIRECTORIES_KEPT)(self._read_directory)
        try:
            self._header = deserialize_header(self._bytes(0, HEADER_BYTES))
            end = self._header["tile_data_offset"] + self._header["tile_data_length"]
            if len(self._map) < end:
                raise self._damaged()
            offset, length = self._header["metadata_offset"], self._header["metadata_length"]
            metadata = json.loads(gzip.decompress(self._bytes(offset, length)))
        except DAMAGED:
            raise self._damaged() from None
        description = str(metadata.get("description", ""))
        self.maker = description.split(":")[1] if description.startswith("trackflow:") else ""
        """Which tiles these are, see `making.MAKER`; empty for those of others."""

    @property
    def bbox(self) -> Bbox:
        """West, south, east and north of all tiles' content, in degrees."""
        h = self._header
        west, south = h["min_lon_e7"] / 1e7, h["min_lat_e7"] / 1e7
        east, north = h["max_lon_e7"] / 1e7, h["max_lat_e7"] / 1e7
        return Bbox(west, south, east, north)

    @property
    def area(self) -> float:
        """In square degrees, to compare."""
        west, south, east, north = self.bbox
        return (east - west) * (north - south)

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """A tile, packed by gzip; None if the archive has none there.

        Raises:
            BaseMapError: the archive is damaged.
        """
        header = self._header
        if not header["min_zoom"] <= zoom <= header["max_zoom"]:
            return None
        try:
            wanted = zxy_to_tileid(zoom, x, y)
            offset, length = header["root_offset"], header["root_length"]
            for _ in range(DEEPEST):
                entry = find_tile(self._directory(offset, length), wanted)
                if entry is None:
                    return None
                if entry.run_length:
                    return self._bytes(header["tile_data_offset"] + entry.offset, entry.length)
                offset, length = header["leaf_directory_offset"] + entry.offset, entry.length
        except DAMAGED:
            raise self._damaged() from None
        raise self._damaged()

    def close(self) -> None:
        """Release the file."""
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bytes(self, offset: int, length: int) -> bytes:
        found = self._map[offset : offset + length]
        if len(found) < length:
            raise ValueError("the archive is cut short")
        return found

    def _read_directory(self, offset: int, length: int) -> list[Entry]:
        return deserialize_directory(self._bytes(offset, length))

    def _damaged(self) -> BaseMapError:
        return BaseMapError(f"{self._path.name} is damaged: build the network again")
