"""Places for files that several machines share: a folder, or any address of fsspec."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trackflow.errors import SettingsError, TrackflowError


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """A folder in a file system of fsspec.

    Attributes:
        filesystem: of fsspec.
        root: the path in it, without a stroke at its end.
        shown: the address for messages, without a password.
    """

    filesystem: Any
    root: str
    shown: str


def open_place(address: str, variable: str) -> StoragePlace:
    """The place of an address.

    Args:
        address: such as `s3://bucket/meshes`, or a path.
        variable: the setting that names it, for messages.

    Raises:
        SettingsError: fsspec has no such kind of storage, or a package for it is missing.
    """
    shown = re.sub(r"//[^/@]*@", "//", address)
    import fsspec  # slow to import, and needed for other machines only

    try:
        filesystem, root = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise SettingsError(f"{variable}={shown}: {error}") from None
    if not root.strip("/"):
        raise SettingsError(
            f"{variable}={shown} names no folder or bucket; write such as s3://bucket/folder"
        )
    return StoragePlace(filesystem, root.rstrip("/"), shown)


@contextmanager
def disk_errors(what: str, kind: type[TrackflowError]) -> Iterator[None]:
    """Turn errors of the disk and of the network into one that says what to do.

    Args:
        what: could not be done.
        kind: of the error that is raised.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise kind(f"{what}: the file is not there") from error
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        full = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up"}
        reason = full.get(code or 0) or getattr(error, "strerror", None) or type(error).__name__
        raise kind(f"{what}: {reason}") from error


@contextmanager
def storage_errors(what: str, kind: type[TrackflowError]) -> Iterator[None]:
    """As `disk_errors`; the libraries of the networks have errors of their own for each trouble."""
    try:
        with disk_errors(what, kind):
            yield
    except TrackflowError:
        raise
    except Exception as error:
        first_line = (str(error).splitlines() or [""])[0][:200]
        raise kind(f"{what}: {type(error).__name__}: {first_line}") from error
