"""Finds the files to read: one file, a folder with all below it, or the members of a zip."""

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from trackflow.errors import BadInputError
from trackflow.sources.formats import HEAD_BYTES, Format, UnknownFormatError, detect
from trackflow.sources.streams import Stream, check_archive, open_file, open_member

MEMBERS_MAX = 200_000
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
    """

    path: Path
    name: str
    format: Format | None = None
    size_bytes: int = 0
    skipped: str = ""
    broken: str = ""
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
        stream.again = self.open
        return stream


def discover(path: Path | str) -> Iterator[SourceFile]:
    """The files of a path, in the order of their names.

    Hidden files and files of unknown kinds in folders and archives come as skipped, so that they
    can be listed; a file that is named itself must be readable.

    Raises:
        BadInputError: there is nothing at `path`, or it is a file of an unknown kind.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise BadInputError(f"{_shown(str(path))}: {_words(error)}") from None
    if stat.S_ISDIR(mode):
        yield from _in_folder(path)
        return
    for source in _in_file(path, _shown(path.name)):
        if source.member is None and (source.broken or source.skipped):
            raise BadInputError(source.broken or f"{source.name}: {source.skipped}")
        yield source


def _in_folder(root: Path) -> Iterator[SourceFile]:
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
                yield from _in_file(path, name)
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


def _in_file(path: Path, name: str) -> Iterator[SourceFile]:
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
        yield from _in_zip(path, name, status.st_size)
    else:
        packed = head.startswith(_GZIP)
        yield _judged(SourceFile(path, name, size_bytes=status.st_size, packed=packed))


def _in_zip(path: Path, name: str, size_bytes: int) -> Iterator[SourceFile]:
    try:
        archive = zipfile.ZipFile(path)
        check_archive(archive, size_bytes, name)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, zlib.error) as error:
        yield SourceFile(path, name, broken=f"{name}: not a whole zip archive ({error})")
        return
    except BadInputError as error:
        yield SourceFile(path, name, broken=str(error))
        return
    members = archive.infolist()
    if len(members) > MEMBERS_MAX:
        yield SourceFile(path, name, broken=f"{name}: has more than {MEMBERS_MAX} members")
    elif any(member.filename == "[Content_Types].xml" for member in members):
        yield SourceFile(path, name, skipped="an Office document: save the sheet as CSV")
    else:
        for member in sorted(members, key=lambda member: member.filename):
            if not member.is_dir():
                yield _in_archive(path, name, archive, member)


def _in_archive(
    path: Path, name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> SourceFile:
    inside = PurePosixPath(member.filename.replace("\\", "/"))
    # A name such as ../../etc/passwd is only ever shown, never opened; shown, it would mislead.
    parts = [part for part in inside.parts if part not in ("..", "/", ".")]
    shown = f"{name}/{_shown('/'.join(parts))}"
    if "__MACOSX" in parts or any(part.startswith(".") for part in parts):
        return SourceFile(path, shown, skipped="hidden", member=member)
    return _judged(
        SourceFile(path, shown, size_bytes=member.file_size, member=member, archive=archive)
    )


def _judged(source: SourceFile) -> SourceFile:
    """The source with its format, or why it has none."""
    format_, skipped, broken = None, "", ""
    try:
        with source.open() as stream:
            head = stream.peek(HEAD_BYTES)
        if head.startswith((*_ZIP, _GZIP)):
            broken = f"{source.name}: an archive inside an archive; unpack the outer one first"
        elif stream.damage and not head:
            broken = f"{source.name}: {stream.damage}"
        else:
            format_ = detect(head, source.name)
    except UnknownFormatError as error:
        skipped = str(error).removeprefix(f"{source.name}: ").partition(";")[0]
    except BadInputError as error:
        broken = str(error)
    return SourceFile(
        source.path,
        source.name,
        format_,
        source.size_bytes,
        skipped,
        broken,
        source.packed,
        source.member,
        source.archive,
    )


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
