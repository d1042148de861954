"""Road networks: reads the OSRM data sets that `trackflow.matching.network_building` has built."""

import datetime as dt
import json
import re
from dataclasses import dataclass
from pathlib import Path

from trackflow.errors import NetworkBuildError
from trackflow.geo.bbox import Bbox
from trackflow.geo.time import from_us

PROFILES = ("car", "bicycle", "foot")
DATASET = "network.osrm"
EITHER_WAY_DATASET = "either_way.osrm"
"""Beside it, the same roads with one-ways ignored."""

DESCRIPTION = "network.json"

_DATED = re.compile(r"(-latest|-internal|-\d{6}|-\d{8}|-\d{4}-\d{2}-\d{2})+$")
_SUFFIXES = re.compile(r"(\.osm)?(\.pbf|\.gz|\.bz2)?$|\.osm$", re.IGNORECASE)


def network_name(source_name: str) -> str:
    """The name of the network of an extract: its file name without what changes with each download.

    `finland-latest.osm.pbf` and `finland-261128.osm.pbf` are both `finland`: one takes the place of
    the other.
    """
    stem = _SUFFIXES.sub("", source_name)
    return _DATED.sub("", stem) or stem or source_name


@dataclass(frozen=True, slots=True)
class RoadNetwork:
    """A built data set.

    Attributes:
        profile: car, bicycle or foot.
        version: hash of the extract, the profile and OSRM's version; the data set carries it, so
            that an OSRM server that serves it reports the same one.
        folder: where it lies.
        dataset: what OSRM is pointed at; a base name, not a file.
        bbox: west, south, east, north in degrees, of the roads themselves.
        size_bytes: of all its files.
        source_name: the extract's file name.
        built_at_us: UTC microseconds since 1970.
    """

    profile: str
    version: str
    folder: Path
    dataset: Path
    bbox: Bbox
    size_bytes: int
    source_name: str
    built_at_us: int

    @property
    def name(self) -> str:
        """Its name: another network of this name and profile takes its place."""
        return network_name(self.source_name)

    @property
    def built_at(self) -> dt.datetime:
        """When it was built, in UTC."""
        return from_us(self.built_at_us)


def load_network(folder: Path) -> RoadNetwork:
    """The network that `build_network` put into `folder`.

    Raises:
        NetworkBuildError: there is none, or it is incomplete.
    """
    folder = folder.resolve()  # a later reader may be in another working directory
    try:
        saved = json.loads((folder / DESCRIPTION).read_text())
        west, south, east, north = map(float, saved["extent"])
        network = RoadNetwork(
            profile=str(saved["profile"]),
            version=str(saved["version"]),
            folder=folder,
            dataset=folder / DATASET,
            bbox=Bbox(west, south, east, north),
            size_bytes=int(saved["size_bytes"]),
            source_name=str(saved["source_name"]),
            built_at_us=int(saved["built_at_us"]),
        )
    except FileNotFoundError:
        raise NetworkBuildError(
            f"no road network in {folder}: build one with `trackflow network build FILE.osm.pbf`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetworkBuildError(
            f"{folder / DESCRIPTION} cannot be read ({type(error).__name__}): "
            "delete the folder and build the network again"
        ) from None
    # A data set with a file missing makes OSRM fail much later, with a message about that file.
    if size_bytes(folder) != network.size_bytes:
        raise NetworkBuildError(f"{folder} is incomplete: delete it and build the network again")
    return network


def is_dataset(dataset: Path) -> bool:
    """Whether there is a data set; networks of earlier versions have none that ignores one-ways."""
    return dataset.with_name(f"{dataset.name}.properties").exists()


def size_bytes(folder: Path) -> int:
    """The size of a data set: of all its files but the description."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.name != DESCRIPTION)
