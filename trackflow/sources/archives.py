"""Finds the files to read: one file, a folder with all below it, or the members of a zip.

An archive in an archive is opened in memory, or in a file without a name when it is large.
"""

import os
import stat
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO

from trackflow.errors import BadInputError
from trackflow.sources.device_names import NamedDevice, device_of_file
from trackflow.sources.formats import HEAD_BYTES, Format, UnknownFormatError, detect
from trackflow.sources.streams import (
    PIECE_BYTES,
    UNPACKED_MAX_BYTES,
    Stream,
    check_archive,
    open_file,
    open_member,
)

MEMBERS_MAX = 200_000
DEEPEST = 3
"""Archives inside one another: Takeout and Garmin have two, a KMZ in them is the third."""

NESTED_IN_MEMORY_BYTES = 32 * 2**20
_BACKUP = {"manifest.json", "gps_points.parquet"}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP = b"\x1f\x8b"
_UNFINISHED = {".part", ".partial", ".tmp", ".crdownload", ".download"}
"""Names of downloads and copies under way: half a file would be imported as a whole one."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, or a member of an archive.

    Attributes:
        path: the file on disk.
        name: what people know it by: below the given folder, and with the member's name.
        format: None if it cannot be read.
        size_bytes: what `Chunk.bytes_done` counts towards.
        skipped: why it is left out although nothing is wrong; `read` refuses it.
        broken: what is wrong with it; `read` raises this.
        is_named: a person named it, so that it is meant to be read; others were found.
    """

    path: Path
    name: str
    format: Format | None = None
    size_bytes: int = 0
    skipped: str = ""
    broken: str = ""
    is_named: bool = False
    packed: bool = field(default=False, repr=False)
    member: zipfile.ZipInfo | None = field(default=None, repr=False)
    archive: zipfile.ZipFile | None = field(default=None, repr=False, compare=False)

    def open(self) -> Stream:
        """Its bytes, unpacked.

        Raises:
            BadInputError: it is skipped or broken, or cannot be opened any more.
        """
        if self.broken or self.skipped:
            raise BadInputError(self.broken or f"{self.name}: {self.skipped}")
        if self.archive is not None and self.member is not None:
            stream = open_member(self.archive, self.member, self.name)
        else:
            stream = open_file(self.path, self.name, packed=self.packed)
            stream.path = None if self.packed else self.path
        stream.again = self.open
        return stream

    @property
    def named_device(self) -> NamedDevice:
        """The device of the file if it names none itself, by its name and folders."""
        inside = PurePosixPath(self.name).parts
        folders = [*self.path.absolute().parent.parts[1:]]
        if self.member is not None:
            below = inside[inside.index(self.path.name) + 1 :] if self.path.name in inside else ()
            folders += [PurePosixPath(part).stem for part in (self.path.name, *below[:-1])]
        return device_of_file(self.name, folders)


def discover(path: Path | str, *, are_tables: bool = False) -> Iterator[SourceFile]:
    """The files of a path, in the order of their names.

    Hidden files and files of unknown kinds in folders and archives come as skipped, so that they
    can be listed; a file that is named itself must be readable.

    Args:
        path: a file or a folder.
        are_tables: text of no known format is a table, whose columns a person has told.

    Raises:
        BadInputError: there is nothing at `path`, or it is a file of an unknown kind.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise BadInputError(f"{_shown(str(path))}: {_words(error)}") from None
    if stat.S_ISDIR(mode):
        yield from _in_folder(path, are_tables=are_tables)
        return
    for source in _in_file(path, _shown(path.name), is_named=True, are_tables=are_tables):
        if source.member is None and (source.broken or source.skipped):
            raise BadInputError(source.broken or f"{source.name}: {source.skipped}")
        yield source


def _in_folder(root: Path, *, are_tables: bool) -> Iterator[SourceFile]:
    seen: set[tuple[int, int]] = set()
    unread: list[OSError] = []
    for folder, folders, files in os.walk(root, followlinks=True, onerror=unread.append):
        while unread:
            yield _unread_folder(root, unread.pop())
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()  # a link back up would be walked for ever
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in sorted(files):
            path = Path(folder) / file
            name = _shown(path.relative_to(root).as_posix())
            left_out = _left_out(path)
            if left_out:
                yield SourceFile(path, name, skipped=left_out)
            else:
                yield from _in_file(path, name, are_tables=are_tables)
    while unread:
        yield _unread_folder(root, unread.pop())


def _unread_folder(root: Path, error: OSError) -> SourceFile:
    path = Path(error.filename or root)
    return SourceFile(path, _shown(path.name), broken=f"{_shown(path.name)}: {_words(error)}")


def _left_out(path: Path) -> str:
    """Why a file in a folder is not for us, by its name; empty if it may be."""
    if path.name.startswith("."):
        return "hidden"
    return "still being written, by its name" if path.suffix.lower() in _UNFINISHED else ""


def _in_file(
    path: Path, name: str, *, is_named: bool = False, are_tables: bool = False
) -> Iterator[SourceFile]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            yield SourceFile(path, name, skipped="not an ordinary file")
            return
        with open_file(path, name, packed=False) as stream:
            head = stream.peek(4)
    except (BadInputError, OSError) as error:
        words = str(error) if isinstance(error, BadInputError) else f"{name}: {_words(error)}"
        yield SourceFile(path, name, broken=words)
        return
    if head.startswith(_ZIP):
        yield from _in_zip(path, path, name, status.st_size, _Budget())
    else:
        packed = head.startswith(_GZIP)
        source = SourceFile(path, name, size_bytes=status.st_size, packed=packed, is_named=is_named)
        yield _judged(source, are_tables=are_tables)


@dataclass(slots=True)
class _Budget:
    """What archives inside one archive may unpack to, all together."""

    left_bytes: int = UNPACKED_MAX_BYTES
    depth: int = 1

    def take(self, count: int, name: str) -> None:
        self.left_bytes -= count
        if self.left_bytes < 0:
            raise BadInputError(f"{name}: its archives unpack to too much; unpack them first")


def _in_zip(
    path: Path, file: Path | IO[bytes], name: str, size_bytes: int, budget: _Budget
) -> Iterator[SourceFile]:
    """The members of an archive, and those of archives in it.

    Args:
        path: the outermost archive on disk.
        file: the archive itself.
        name: what people know it by.
        size_bytes: of the archive itself.
        budget: what may still be unpacked.
    """
    try:
        archive = zipfile.ZipFile(file)
        if not isinstance(file, Path):
            weakref.finalize(archive, file.close)  # its members are read long after this
        check_archive(archive, size_bytes, name)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, zlib.error) as error:
        if not isinstance(file, Path):
            file.close()
        yield SourceFile(path, name, broken=f"{name}: not a whole zip archive ({error})")
        return
    except BadInputError as error:
        yield SourceFile(path, name, broken=str(error))
        return
    members = archive.infolist()
    names = {member.filename for member in members}
    if len(members) > MEMBERS_MAX:
        yield SourceFile(path, name, broken=f"{name}: has more than {MEMBERS_MAX} members")
    elif "[Content_Types].xml" in names:
        yield SourceFile(path, name, skipped="an Office document: save the sheet as CSV")
    elif names >= _BACKUP:
        words = f"{name}: is a backup of trackflow: use `trackflow restore`"
        yield SourceFile(path, name, broken=words)
    else:
        for member in sorted(members, key=lambda member: member.filename):
            if not member.is_dir():
                source = _in_archive(path, name, archive, member)
                yield from _opened_further(source, budget) if source.archive else [source]


def _opened_further(source: SourceFile, budget: _Budget) -> Iterator[SourceFile]:
    """A member as it is, or the members of the archive that it is itself."""
    try:
        with source.open() as stream:
            if not stream.peek(4).startswith(_ZIP):
                yield _judged(source)
                return
            if budget.depth >= DEEPEST:
                words = "an archive inside too many others; unpack the outer ones first"
                raise BadInputError(f"{source.name}: {words}")
            held = tempfile.SpooledTemporaryFile(max_size=NESTED_IN_MEMORY_BYTES)  # noqa: SIM115
            try:
                while piece := stream.read(PIECE_BYTES):
                    budget.take(len(piece), source.name)
                    held.write(piece)
            except BadInputError:
                held.close()
                raise
    except BadInputError as error:
        yield replace(source, broken=str(error))
        return
    budget.depth += 1
    yield from _in_zip(source.path, held, source.name, held.tell(), budget)
    budget.depth -= 1


def _in_archive(
    path: Path, name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> SourceFile:
    inside = PurePosixPath(member.filename.replace("\\", "/"))
    # A name such as ../../etc/passwd is only ever shown, never opened; shown, it would mislead.
    parts = [part for part in inside.parts if part not in ("..", "/", ".")]
    shown = f"{name}/{_shown('/'.join(parts))}"
    if "__MACOSX" in parts or any(part.startswith(".") for part in parts):
        return SourceFile(path, shown, skipped="hidden", member=member)
    return SourceFile(path, shown, size_bytes=member.file_size, member=member, archive=archive)


def _judged(source: SourceFile, *, are_tables: bool = False) -> SourceFile:
    """The source with its format, or why it has none."""
    format_, skipped, broken = None, "", ""
    try:
        with source.open() as stream:
            head = stream.peek(HEAD_BYTES)
        if head.startswith((*_ZIP, _GZIP)):
            broken = f"{source.name}: an archive packed once more; unpack it first"
        elif stream.damage and not head:
            broken = f"{source.name}: {stream.damage}"
        else:
            format_ = detect(head, source.name, is_table=are_tables)
    except UnknownFormatError as error:
        skipped = str(error).removeprefix(f"{source.name}: ").partition(";")[0]
    except BadInputError as error:
        broken = str(error)
    return replace(source, format=format_, skipped=skipped, broken=broken)


def _words(error: OSError | ValueError) -> str:
    """What the system says, without the path that it repeats."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder"
    if isinstance(error, OSError):
        return (error.strerror or "cannot be read").lower()
    return "not a usable path"


def _shown(name: str) -> str:
    """A name that can be printed and stored: no control characters, no lone surrogates."""
    kept = "".join(c if c.isprintable() else "\ufffd" for c in name)
    return kept.encode("utf-8", "replace").decode("utf-8")[:300]
