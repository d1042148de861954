"""Streams as files that can be read in any order, for formats that do not read forwards.

A file that lies on disk as it is is opened there; anything else is copied to a temporary file
that has no name and is gone when it is closed.
"""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import PIECE_BYTES, Stream, pieces_at

IN_MEMORY_BYTES = 4 * 2**20


@contextmanager
def seekable(stream: Stream) -> Iterator[IO[bytes]]:
    """The bytes of a stream as a file; at its end `damage` is set if the data ended early.

    Raises:
        BadInputError: the disk fails, or is full.
    """
    if stream.path is not None:
        with stream.path.open("rb") as file:
            yield file
        return
    with spool(stream) as spooled:
        yield spooled


@contextmanager
def on_disk(stream: Stream) -> Iterator[Path]:
    """The bytes of a stream as a file with a path, for libraries that open it themselves.

    Raises:
        BadInputError: the disk fails, or is full.
    """
    if stream.path is not None:
        yield stream.path
        return
    with tempfile.TemporaryDirectory(prefix="trackflow-") as folder:
        path = Path(folder) / "spooled"
        with path.open("wb") as file:
            _copy(stream, file)
        yield path


class _KeptRaw(io.FileIO):
    """The file below; of a cycle that is collected, it may go before what is above."""

    def __del__(self) -> None:
        self.close()


class _KeptFile(io.BufferedReader):
    """A file that needs no explicit close: it closes when the last archive that uses it is gone."""

    def __del__(self) -> None:
        self.close()


def open_kept(path: Path) -> IO[bytes]:
    """A file on disk, for as long as anything refers to it."""
    return _KeptFile(_KeptRaw(path))


class _KeptTemporary(io.BufferedRandom):
    """A temporary file without a name, which goes when the last archive that uses it is gone."""

    def __del__(self) -> None:
        self.close()


def spool(stream: Stream) -> IO[bytes]:
    """A copy of a stream, in memory if it is small, for as long as anything refers to it.

    Raises:
        BadInputError: the disk fails, or is full.
    """
    head = stream.peek(IN_MEMORY_BYTES)
    if len(head) < IN_MEMORY_BYTES:
        return io.BytesIO(stream.read(IN_MEMORY_BYTES))
    try:
        with tempfile.TemporaryFile(buffering=0) as raw:
            file = _KeptTemporary(_KeptRaw(os.dup(raw.fileno()), "r+"))
    except OSError as error:
        raise _no_room(stream, error) from None
    _copy(stream, file)
    return file


def stream_over(
    file: IO[bytes], name: str, start: int = 0, size_bytes: int | None = None
) -> Stream:
    """A stream over a part of a file that others may read too.

    Args:
        file: can be read at any place, and stays open.
        name: of the part, shown to people.
        start: its first byte.
        size_bytes: how long it is; None = to the end of the file.
    """
    pieces = pieces_at(file, start, size_bytes)
    done = 0

    def counted() -> Iterator[bytes]:
        nonlocal done
        for piece in pieces:
            done += len(piece)
            yield piece

    return Stream(name, counted(), lambda: done, lambda: None)


def _copy(stream: Stream, file: IO[bytes]) -> None:
    try:
        while piece := stream.read(PIECE_BYTES):
            file.write(piece)
        file.seek(0)
    except OSError as error:
        raise _no_room(stream, error) from None


def _no_room(stream: Stream, error: OSError) -> BadInputError:
    words = (error.strerror or "cannot be written").lower()
    return BadInputError(f"{stream.name}: no room for a temporary copy ({words})")
