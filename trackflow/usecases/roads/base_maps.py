"""Makes and serves the base maps of road networks: vector tiles that need no internet.

Each network has one, in a folder of its own that bears the network's version, as the network's
files are counted to see whether it is complete. A tile shows what all networks know, but where the
smallest of them has the whole tile it alone draws.
"""

import gzip
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trackflow.basemap.archive import DAMAGED, TileArchive
from trackflow.basemap.combining import combine
from trackflow.basemap.making import base_map_file, build_base_map, is_current
from trackflow.context import Context, base_map_folder
from trackflow.errors import BaseMapError, NotFoundError
from trackflow.geo import tiles
from trackflow.store.roads import networks

PACKING = 5
"""How hard tiles are packed that are made of several: each is sent once to each browser."""


def make_base_map(
    context: Context, extract: Path, version: str, report: Callable[[str], None] | None = None
) -> None:
    """Make the base map of a network, unless it has a current one.

    A network without a map is of use: what fails is reported, and the network is taken.

    Args:
        context: the settings.
        extract: the extract that the network is made of.
        version: of the network.
        report: called with a line about each step.
    """
    folder = base_map_folder(context.settings.home.absolute(), version)
    if is_current(folder):
        return
    try:
        build_base_map(extract, folder, version, report)
    except (BaseMapError, OSError) as error:
        if report:
            report(f"no base map of {extract.name}: {error}")


@dataclass(frozen=True, slots=True)
class _ArchiveFile:
    """An archive, and the file that it was opened from."""

    archive: TileArchive
    changed_ns: int


class BaseMaps:
    """The tiles of the networks in use; may be used by several threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._opened: dict[str, _ArchiveFile] = {}

    def version(self) -> str:
        """A name of all tiles: it changes with any of them; empty if there are none."""
        found = self._archives()
        if not found:
            return ""
        names = [f"{version}:{opened.changed_ns}" for version, opened in sorted(found.items())]
        return hashlib.blake2b(" ".join(names).encode(), digest_size=6).hexdigest()

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """A vector tile, packed by gzip; None where no network has anything.

        Args:
            zoom: zoom level, 0 for the whole Earth.
            x: column, from the west.
            y: row, from the north.

        Raises:
            NotFoundError: there is no such tile on Earth.
            BaseMapError: an archive is damaged.
        """
        if not tiles.exists(zoom, x, y):
            raise NotFoundError("there is no such tile")
        found = []
        for one in sorted(self._archives().values(), key=lambda one: one.archive.area):
            if (packed := one.archive.tile(zoom, x, y)) is not None:
                found.append(packed)
                if tiles.lies_within(one.archive.bbox, zoom, x, y):
                    break
        if len(found) < 2:
            return found[0] if found else None
        try:
            whole = combine([gzip.decompress(packed) for packed in reversed(found)])
        except DAMAGED:
            raise BaseMapError("map tiles are damaged: build the networks again") from None
        return gzip.compress(whole, PACKING, mtime=0)

    def close(self) -> None:
        """Release all files."""
        with self._lock:
            for one in self._opened.values():
                one.archive.close()
            self._opened = {}

    def _archives(self) -> dict[str, _ArchiveFile]:
        """The archives of the networks in use, by the networks' versions."""
        with self._context.store.read() as connection:
            versions = networks.all_versions(connection)
        home = self._context.settings.home.absolute()
        with self._lock:
            found = {version: self._open(version, home) for version in versions}
            # one that is no longer in use is closed when its last reader lets it go
            self._opened = {version: one for version, one in found.items() if one is not None}
            return dict(self._opened)

    def _open(self, version: str, home: Path) -> _ArchiveFile | None:
        path = base_map_file(base_map_folder(home, version))
        try:
            changed_ns = path.stat().st_mtime_ns
            known = self._opened.get(version)
            if known is not None and known.changed_ns == changed_ns:
                return known
            return _ArchiveFile(TileArchive(path), changed_ns)
        except (FileNotFoundError, BaseMapError):
            return None  # a damaged one is as good as none: the next build makes it anew
