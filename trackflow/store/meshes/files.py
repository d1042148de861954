"""The storage of images and files of meshes: a folder of this machine, or any address of fsspec.

A file's name is the hash of its bytes, so equal bytes are stored once, and a name never changes its
content. A file is there whole or not at all. No name leads out of the storage.
"""

import datetime as dt
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trackflow.errors import BadInputError, MeshStorageError
from trackflow.files import whole_file
from trackflow.storages import disk_errors, open_place, storage_errors

_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}(\.[a-z0-9]{1,10}){0,3}")
_ENDING = re.compile(r"(\.[a-z0-9]{1,10}){0,3}")

HALF_WRITTEN = ".part"
"""Ending of files under way; one that a killed process has left is deleted by cleanup."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the storage; `changed_at` is when it was last written, UTC."""

    name: str
    size_bytes: int
    changed_at: dt.datetime


class MeshStorage(Protocol):
    """Keeps files by the hash of their bytes."""

    def put(self, content: bytes, ending: str) -> str:
        """Store bytes; returns their name. Storing them again renews the time of the file.

        Raises:
            MeshStorageError: they cannot be stored; no part of them is left under the name.
        """

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            BadInputError: it is no name in the storage.
            MeshStorageError: there is no such file, or it cannot be read.
        """

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def find(self, name: str) -> StoredFile | None:
        """A file's size and time; None if it is not there."""

    def delete(self, name: str) -> None:
        """Delete a file; nothing if it is not there.

        Raises:
            BadInputError: it is no name in the storage.
        """

    def files(self) -> Iterator[StoredFile]:
        """All files of meshes and images, in any order."""

    def delete_half_written(self, older_than_s: float) -> int:
        """Delete what killed processes have left; returns how many files."""


def stored_name_of(content: bytes, ending: str) -> str:
    """The name under which bytes are stored; `ending` is such as `.glb`."""
    if not _ENDING.fullmatch(ending):
        raise BadInputError(f"{ending[:40]!r} is no ending of a file's name")
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest[:2]}/{digest}{ending}"


def hash_in(name: str) -> str:
    """The SHA-256 of a file's bytes, which is part of its name."""
    return _checked(name).split("/")[1].split(".")[0]


def _checked(name: str) -> str:
    """The name, if it is one that `put` gives: no path, no address.

    Raises:
        BadInputError: it is another one.
    """
    if not _NAME.fullmatch(name):
        raise BadInputError(f"{name[:100]!r} is no file of the storage of meshes")
    return name


class LocalStorage:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, content: bytes, ending: str) -> str:
        """Store bytes; returns their name."""
        name = stored_name_of(content, ending)
        with _reported(f"cannot write to {self.root}"):
            path = self._path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path, durable=True) as file:
                file.write(content)
        return name

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        with _reported(f"cannot read from {self.root}"):
            return self._path(name).read_bytes()

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return self.find(name) is not None

    def find(self, name: str) -> StoredFile | None:
        """A file's size and time; None if it is not there."""
        with _reported(f"cannot read from {self.root}"):
            try:
                found = self._path(name).stat()
            except FileNotFoundError:
                return None
        return StoredFile(name, found.st_size, dt.datetime.fromtimestamp(found.st_mtime, dt.UTC))

    def delete(self, name: str) -> None:
        """Delete a file; nothing if it is not there."""
        with _reported(f"cannot delete from {self.root}"):
            self._path(name).unlink(missing_ok=True)

    def files(self) -> Iterator[StoredFile]:
        """All files of meshes and images."""
        for path in self.root.glob("[0-9a-f][0-9a-f]/*"):
            name = f"{path.parent.name}/{path.name}"
            if _NAME.fullmatch(name) and not path.is_symlink() and not path.parent.is_symlink():
                found = self.find(name)
                if found is not None:
                    yield found

    def delete_half_written(self, older_than_s: float) -> int:
        """Delete what killed processes have left; returns how many files."""
        count = 0
        for path in self.root.glob(f"[0-9a-f][0-9a-f]/.*{HALF_WRITTEN}"):
            with _reported(f"cannot delete from {self.root}"):
                try:
                    is_old = time.time() - path.lstat().st_mtime > older_than_s
                except FileNotFoundError:
                    continue
                if is_old and not path.parent.is_symlink():
                    path.unlink(missing_ok=True)
                    count += 1
        return count

    def _path(self, name: str) -> Path:
        """The path of a name.

        Raises:
            BadInputError: it is no name in the storage, or a link leads out of it.
        """
        path = self.root / _checked(name)
        root = self.root.resolve()
        if path.parent.resolve() != root / path.parent.name or path.is_symlink():
            raise BadInputError(f"{name} is a link in the storage of meshes: not followed")
        return path


class RemoteStorage:
    """A bucket or another place that fsspec knows. Writing a file whole is its own promise."""

    def __init__(self, filesystem: Any, root: str, address: str) -> None:
        """A storage.

        Args:
            filesystem: of fsspec.
            root: the path in it, without a stroke at its end.
            address: for messages.
        """
        self._filesystem, self._root, self._address = filesystem, root, address

    def put(self, content: bytes, ending: str) -> str:
        """Store bytes; returns their name."""
        name = stored_name_of(content, ending)
        with _reported_remote(f"cannot write to {self._address}"):
            self._filesystem.pipe_file(self._path(name), content)
        return name

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        with _reported_remote(f"cannot read from {self._address}"):
            return bytes(self._filesystem.cat_file(self._path(name)))

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return self.find(name) is not None

    def find(self, name: str) -> StoredFile | None:
        """A file's size and time; None if it is not there."""
        path = self._path(name)
        with _reported_remote(f"cannot read from {self._address}"):
            self._filesystem.invalidate_cache()  # another process may have written it
            try:
                return _stored(name, self._filesystem.info(path))
            except FileNotFoundError:
                return None

    def delete(self, name: str) -> None:
        """Delete a file; nothing if it is not there."""
        with _reported_remote(f"cannot delete from {self._address}"):
            try:
                self._filesystem.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def files(self) -> Iterator[StoredFile]:
        """All files of meshes and images."""
        with _reported_remote(f"cannot read from {self._address}"):
            self._filesystem.invalidate_cache()
            try:
                found = self._filesystem.find(self._root, detail=True)
            except FileNotFoundError:  # nothing was ever stored
                return
        for path, info in sorted(found.items()):
            name = "/".join(str(path).split("/")[-2:])
            if _NAME.fullmatch(name):
                yield _stored(name, info)

    def delete_half_written(self, older_than_s: float) -> int:  # noqa: ARG002  as the protocol says
        """There are none: a file is there only when it is whole."""
        return 0

    def _path(self, name: str) -> str:
        return f"{self._root}/{_checked(name)}"


def _stored(name: str, info: dict[str, Any]) -> StoredFile:
    changed = next((info[key] for key in _TIMES if info.get(key) is not None), None)
    if isinstance(changed, int | float):
        changed = dt.datetime.fromtimestamp(changed, dt.UTC)
    if isinstance(changed, str):
        changed = dt.datetime.fromisoformat(changed)
    if changed is None:  # a storage without times: nothing in it ever counts as old
        changed = dt.datetime.now(dt.UTC)
    if changed.tzinfo is None:
        changed = changed.replace(tzinfo=dt.UTC)
    return StoredFile(name, int(info["size"]), changed.astimezone(dt.UTC))


_TIMES = ("LastModified", "last_modified", "mtime", "modified", "updated", "created")
"""Names of the time of the last change, as the storages of fsspec call it."""


def _reported(what: str) -> AbstractContextManager[None]:
    return disk_errors(what, MeshStorageError)


def _reported_remote(what: str) -> AbstractContextManager[None]:
    return storage_errors(what, MeshStorageError)


def open_storage(address: str, folder: Path) -> MeshStorage:
    """The storage at an address; without one, a folder.

    Args:
        address: a path or an address of fsspec, such as `s3://bucket/meshes`; empty for the folder.
        folder: the default.

    Raises:
        SettingsError: fsspec has no such kind of storage, or a package for it is missing.
    """
    if not address:
        return LocalStorage(folder)
    if "://" not in address:
        return LocalStorage(Path(address))
    if address.startswith("file://"):
        return LocalStorage(Path(address.removeprefix("file://")))
    place = open_place(address, "TRACKFLOW_MESH_STORAGE")
    return RemoteStorage(place.filesystem, place.root, place.shown)
