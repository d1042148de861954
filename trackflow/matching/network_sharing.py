"""Road networks on several machines: published by the one that builds, fetched once by each other.

A network is published as one archive and a manifest, which is written last: there is no half one.
A machine fetches it once for all its processes, and uses it only if the checksum is right.
"""

import fcntl
import hashlib
import importlib.metadata
import json
import shutil
import tarfile
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from trackflow.errors import NetworkFetchError, NetworkPublishError
from trackflow.files import whole_file, workshop
from trackflow.matching.network_building import already_built, move_into_place
from trackflow.matching.networks import RoadNetwork, load_network
from trackflow.storages import StoragePlace, open_place, storage_errors

VARIABLE = "TRACKFLOW_NETWORKS"
OSRM_PACKAGE = "osrm-bindings"

NETWORK, MODE_MAP, BASE_MAP = "network", "mode_map", "base_map"
"""Folders in the archive: OSRM's data set; rails, paths and stops for travel modes; map tiles."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was published.

    Attributes:
        profile: car, bicycle or foot.
        version: of the network.
        archive: the name of its file, beside the manifest.
        sha256: of that file.
        size_bytes: of that file.
        osrm: the version of OSRM that has built it; another one may not read it.
    """

    profile: str
    version: str
    archive: str
    sha256: str
    size_bytes: int
    osrm: str


class _CheckedFile:
    """A file that is read or written once from its start to its end, with its checksum."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        self._note(data)
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._note(data)
        return data

    def _note(self, data: bytes) -> None:
        self._digest.update(data)
        self.size_bytes += len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def publish_network(network: RoadNetwork, beside: Mapping[str, Path], address: str) -> None:
    """Publish a network for other machines, unless it is there already.

    Args:
        network: a complete one.
        beside: what belongs to it, by the names of folders in the archive; a folder that is not
            there is left out.
        address: a folder, or an address of fsspec.

    Raises:
        SettingsError: fsspec cannot use the address.
        NetworkPublishError: the place cannot be written.
    """
    place = open_place(address, VARIABLE)
    with storage_errors(f"cannot publish the road network in {place.shown}", NetworkPublishError):
        if _exists(place, network.profile, network.version):
            return
        archive = f"{network.version}-{uuid.uuid4().hex[:8]}.tar"
        path = f"{place.root}/{network.profile}/{archive}"
        place.filesystem.makedirs(f"{place.root}/{network.profile}", exist_ok=True)
        with place.filesystem.open(path, "wb") as file:
            hashed = _CheckedFile(file)
            # a stream: a country's network is never twice on the disk
            with tarfile.open(fileobj=hashed, mode="w|") as tar:  # type: ignore[call-overload]
                for name, folder in {NETWORK: network.folder, **beside}.items():
                    if folder.is_dir():
                        tar.add(folder, name)
        manifest = Manifest(
            network.profile,
            network.version,
            archive,
            hashed.sha256,
            hashed.size_bytes,
            importlib.metadata.version(OSRM_PACKAGE),
        )
        _write_manifest(place, manifest)


def fetch_network(
    profile: str, version: str, address: str, into: Path, beside: Mapping[str, Path]
) -> RoadNetwork:
    """The published network, as a copy of this machine's own; fetched if there is none yet.

    Args:
        profile: car, bicycle or foot.
        version: of the network.
        address: where it is published.
        into: the folder of all networks of this machine.
        beside: where what belongs to it is put, by the names of folders in the archive.

    Raises:
        SettingsError: fsspec cannot use the address.
        NetworkFetchError: it is not there, damaged, of another OSRM, or does not fit on the disk.
    """
    place = open_place(address, VARIABLE)
    what = f"cannot fetch the road network {version} for {profile} from {place.shown}"
    into.mkdir(parents=True, exist_ok=True)
    # one process of this machine fetches, the others wait and find it there
    with (
        storage_errors(what, NetworkFetchError),
        (into / f".fetching-{profile}-{version}.lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = into / profile / version
        if (there := already_built(target)) is not None:
            return there
        manifest = _read_manifest(place, profile, version)
        _check(manifest, into, what)
        target.parent.mkdir(parents=True, exist_ok=True)
        with workshop(into) as temporary:
            _unpack(place, manifest, temporary, what)
            if load_network(temporary / NETWORK).version != version:
                raise NetworkFetchError(
                    f"{what}: the archive holds another one; delete {profile}/{version}.json "
                    "there, and build the network again"
                )
            for name, folder in beside.items():
                if (temporary / name).is_dir() and not folder.exists():
                    folder.parent.mkdir(parents=True, exist_ok=True)
                    (temporary / name).replace(folder)
            return move_into_place(temporary / NETWORK, target, temporary)


def _manifest_path(place: StoragePlace, profile: str, version: str) -> str:
    return f"{place.root}/{profile}/{version}.json"


def _exists(place: StoragePlace, profile: str, version: str) -> bool:
    place.filesystem.invalidate_cache()  # another machine may have written it
    found: bool = place.filesystem.exists(_manifest_path(place, profile, version))
    return found


def _write_manifest(place: StoragePlace, manifest: Manifest) -> None:
    path = _manifest_path(place, manifest.profile, manifest.version)
    content = json.dumps(asdict(manifest), indent=2).encode()
    if "file" in place.filesystem.protocol:  # fsspec writes a local file piece by piece
        with whole_file(Path(path), durable=True) as file:
            file.write(content)
    else:
        place.filesystem.pipe_file(path, content)


def _read_manifest(place: StoragePlace, profile: str, version: str) -> Manifest:
    if not _exists(place, profile, version):
        raise NetworkFetchError(
            f"the road network {version} for {profile} is not in {place.shown}: build it with "
            f"`trackflow network build` where {VARIABLE} is set"
        )
    try:
        saved: Mapping[str, Any] = json.loads(
            place.filesystem.cat_file(_manifest_path(place, profile, version))
        )
        return Manifest(**saved)
    except (ValueError, TypeError):
        raise NetworkFetchError(
            f"the manifest of the road network {version} in {place.shown} is damaged: delete it "
            "and build the network again"
        ) from None


def _check(manifest: Manifest, into: Path, what: str) -> None:
    """Find out before a long download whether the network can be used here."""
    own = importlib.metadata.version(OSRM_PACKAGE)
    if manifest.osrm != own:
        raise NetworkFetchError(
            f"{what}: it was built with {OSRM_PACKAGE} {manifest.osrm}, this machine has {own}: "
            "install the same version everywhere, and build the network again"
        )
    free = shutil.disk_usage(into).free
    if free < manifest.size_bytes:
        raise NetworkFetchError(
            f"{what}: it takes {manifest.size_bytes / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
        )


def _unpack(place: StoragePlace, manifest: Manifest, folder: Path, what: str) -> None:
    path = f"{place.root}/{manifest.profile}/{manifest.archive}"
    damaged = (
        f"{what}: the archive is damaged or incomplete; delete {manifest.profile}/"
        f"{manifest.version}.json there, and build the network again"
    )
    with place.filesystem.open(path, "rb") as file:
        hashed = _CheckedFile(file)
        try:
            with tarfile.open(fileobj=hashed, mode="r|") as tar:  # type: ignore[call-overload]
                tar.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise NetworkFetchError(damaged) from error
        while hashed.read(1 << 20):
            pass
    if hashed.sha256 != manifest.sha256:
        raise NetworkFetchError(damaged)
