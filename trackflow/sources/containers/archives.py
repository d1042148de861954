"""Finds the files to read: one file, a folder with all below it, or what is in an archive.

Archives in archives are copied to temporary files, a few levels deep and within one limit for all.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from trackflow.errors import BadInputError
from trackflow.files import is_unfinished
from trackflow.sources.containers.members import (
    MEMBERS_MAX,
    ZIP,
    ArchiveError,
    Member,
    is_tar,
    members_of,
)
from trackflow.sources.containers.packing import is_packed, unpacked
from trackflow.sources.containers.spooling import open_kept, spool, stream_over
from trackflow.sources.containers.streams import Stream, check_size, open_file, rest_of
from trackflow.sources.device_names import NamedDevice, device_of_file
from trackflow.sources.file_format import FileFormat, UnknownFormatError
from trackflow.sources.heads import HEAD_BYTES
from trackflow.sources.recognition import detect, document_format

NESTED_MAX = 3
"""Archives around a file: exports are two deep (Garmin, KMZ files in a zip)."""

_BACKUP = {"manifest.json", "gps_points.parquet"}
STDIN = "-"
_STDIN_NAME = "stdin"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, or a member of an archive.

    Attributes:
        path: the file on disk.
        name: what people know it by: below the given folder, and with the member's name.
        format: the name of its format; None if it cannot be read.
        size_bytes: what `Chunk.bytes_done` counts towards.
        skipped: why it is left out although nothing is wrong; `read` refuses it.
        broken: what is wrong with it; `read` raises this.
        is_named: a person named it, so that it is meant to be read; others were found.
        is_member: it is in an archive.
    """

    path: Path
    name: str
    format: str | None = None
    size_bytes: int = 0
    skipped: str = ""
    broken: str = ""
    is_named: bool = False
    is_member: bool = False
    opener: Callable[[str], Stream] | None = field(default=None, repr=False, compare=False)

    def open(self) -> Stream:
        """Its bytes, unpacked.

        Raises:
            BadInputError: it is skipped or broken, or cannot be opened any more.
        """
        if self.broken or self.skipped:
            raise BadInputError(self.broken or f"{self.name}: {self.skipped}")
        if self.opener is not None:
            stream = unpacked(self.opener(self.name))
        else:
            stream = unpacked(open_file(self.path, self.name, packed=False))
        stream.again = self.open
        return stream

    @property
    def named_device(self) -> NamedDevice:
        """The device of the file if it names none itself, by its name and folders."""
        inside = PurePosixPath(self.name).parts
        folders = [*self.path.absolute().parent.parts[1:]]
        if self.is_member:
            below = inside[inside.index(self.path.name) + 1 :] if self.path.name in inside else ()
            folders += [PurePosixPath(part).stem for part in (self.path.name, *below[:-1])]
        return device_of_file(self.name, folders)


def discover(path: Path | str, *, are_tables: bool = False) -> Iterator[SourceFile]:
    """The files of a path, in the order of their names.

    Hidden files and files of unknown kinds in folders and archives come as skipped, so that they
    can be listed; a file that is named itself must be readable. `-` is the standard input.

    Args:
        path: a file or a folder.
        are_tables: text of no known format is a table, whose columns a person has told.

    Raises:
        BadInputError: there is nothing at `path`, or it is a file of an unknown kind.
    """
    path = Path(path)
    if str(path) == STDIN:
        yield from _or_refused(_from_stdin(path, are_tables=are_tables))
        return
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise BadInputError(f"{_shown(str(path))}: {_words(error)}") from None
    if stat.S_ISDIR(mode):
        yield from _in_folder(path, are_tables=are_tables)
        return
    found = _in_file(path, _shown(path.name), is_named=True, are_tables=are_tables)
    yield from _or_refused(found)


def _or_refused(sources: Iterator[SourceFile]) -> Iterator[SourceFile]:
    """What is in a file that was named itself, which must be readable.

    Raises:
        BadInputError: it is not.
    """
    for source in sources:
        if not source.is_member and (source.broken or source.skipped):
            raise BadInputError(source.broken or f"{source.name}: {source.skipped}")
        yield source


def _from_stdin(path: Path, *, are_tables: bool) -> Iterator[SourceFile]:
    """The standard input, copied to a temporary file, as its beginning is looked at first."""
    pieces = iter(partial(sys.stdin.buffer.read, HEAD_BYTES), b"")
    file = spool(Stream(_STDIN_NAME, pieces, lambda: 0, lambda: None))
    size_bytes = file.seek(0, os.SEEK_END)
    opener = partial(stream_over, file)
    source = SourceFile(path, _STDIN_NAME, size_bytes=size_bytes, is_named=True, opener=opener)
    yield from _judged(source, _Nest(size_bytes), are_tables=are_tables)


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
    return "still being written, by its name" if is_unfinished(path.name) else ""


def _in_file(
    path: Path, name: str, *, is_named: bool = False, are_tables: bool = False
) -> Iterator[SourceFile]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            yield SourceFile(path, name, skipped="not an ordinary file")
            return
        with open_file(path, name, packed=False) as stream:
            head = stream.peek(HEAD_BYTES)
        file = open_kept(path) if _is_archive(head) else None
    except (BadInputError, OSError) as error:
        words = str(error) if isinstance(error, BadInputError) else f"{name}: {_words(error)}"
        yield SourceFile(path, name, broken=words)
        return
    nest = _Nest(status.st_size)
    source = SourceFile(path, name, size_bytes=status.st_size, is_named=is_named)
    if file is None:
        yield from _judged(source, nest, are_tables=are_tables)
    else:
        yield from _unfolded(source, file, head, nest)


@dataclass(slots=True)
class _Nest:
    """The archive on disk that archives in archives are in: what they may cost together.

    Attributes:
        size_bytes: of the file on disk.
        depth: how many archives are around what is read now.
        spooled_bytes: what was copied out of it so far.
        members: how many members were found so far.
    """

    size_bytes: int
    depth: int = 0
    spooled_bytes: int = 0
    members: int = 0


def _is_archive(head: bytes) -> bool:
    return head.startswith(ZIP) or is_tar(head)


def _unfolded(
    source: SourceFile, file: IO[bytes], head: bytes, nest: _Nest
) -> Iterator[SourceFile]:
    """What is in an archive; an Office document is read as it is.

    Args:
        source: the archive.
        file: its bytes; open as long as any of its members may be read.
        head: the first of them.
        nest: where it is.
    """
    name = source.name
    nest.depth += 1
    try:
        members = list(members_of(file, head, source.size_bytes, name))
        nest.members += len(members)
        document = document_format(member.name for member in members)
        if nest.members > MEMBERS_MAX:
            yield replace(source, broken=f"{name}: has more than {MEMBERS_MAX} members")
        elif {member.name for member in members} >= _BACKUP:
            words = f"{name}: is a backup of trackflow: use `trackflow restore`"
            yield replace(source, broken=words)
        elif document is not None:
            yield (
                replace(source, format=document.name)
                if isinstance(document, FileFormat)
                else replace(source, skipped=document)
            )
        else:
            for member in members:
                yield from _in_archive(source, member, nest)
    except ArchiveError as error:
        yield replace(source, broken=f"{name}: {error}")
    except BadInputError as error:
        yield replace(source, broken=str(error))
    finally:
        nest.depth -= 1


def _in_archive(archive: SourceFile, member: Member, nest: _Nest) -> Iterator[SourceFile]:
    inside = PurePosixPath(member.name.replace("\\", "/"))
    # A name such as ../../etc/passwd is only ever shown, never opened; shown, it would mislead.
    parts = [part for part in inside.parts if part not in ("..", "/", ".")]
    shown = f"{archive.name}/{_shown('/'.join(parts))}".removesuffix("/")
    source = SourceFile(
        archive.path, shown, size_bytes=member.size_bytes, is_member=True, opener=member.open
    )
    if member.broken:
        yield replace(source, broken=f"{shown}: {member.broken}")
    elif "__MACOSX" in parts or any(part.startswith(".") for part in parts):
        yield replace(source, skipped="hidden")
    elif member.skipped:
        yield replace(source, skipped=member.skipped)
    else:
        yield from _judged(source, nest)


def _judged(source: SourceFile, nest: _Nest, *, are_tables: bool = False) -> Iterator[SourceFile]:
    """The source with its format, or why it has none; what is in it, if it is an archive."""
    try:
        with source.open() as stream:
            head = stream.peek(HEAD_BYTES)
            file = _spooled(stream, nest) if _is_archive(head) else None
        if file is None and stream.damage and not head:
            raise BadInputError(f"{source.name}: {stream.damage}")
        if file is None and is_packed(head):
            raise BadInputError(f"{source.name}: is packed too many times over")
        format_ = detect(head, source.name, is_table=are_tables) if file is None else None
    except UnknownFormatError as error:
        skipped = str(error).removeprefix(f"{source.name}: ").partition(";")[0]
        yield replace(source, skipped=skipped)
    except BadInputError as error:
        yield replace(source, broken=str(error))
    else:
        if file is None:
            yield replace(source, format=format_)
        else:
            size_bytes = file.seek(0, os.SEEK_END)
            inner = replace(source, size_bytes=size_bytes, opener=partial(stream_over, file))
            yield from _unfolded(inner, file, head, nest)


def _spooled(stream: Stream, nest: _Nest) -> IO[bytes]:
    """A copy of an archive in an archive, as long as all of them together make no bomb.

    Raises:
        BadInputError: they do.
    """
    if nest.depth >= NESTED_MAX:
        words = "an archive inside too many others; unpack the outer ones first"
        raise BadInputError(f"{stream.name}: {words}")

    def counted() -> Iterator[bytes]:
        for piece in rest_of(stream):
            nest.spooled_bytes += len(piece)
            check_size(nest.spooled_bytes, nest.size_bytes, stream.name)
            yield piece

    return spool(Stream(stream.name, counted(), stream.position, lambda: None))


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
