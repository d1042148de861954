"""What a module of `trackflow.sources.formats` declares: name, marks and reader of its format.

The first mark that a file bears decides, the surest kind of mark first. See
docs/how-to/add-a-file-format.md.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.heads import Head
from trackflow.sources.options import ReadOptions
from trackflow.sources.records import Chunk


class UnknownFormatError(BadInputError):
    """A file is none of the formats that are understood."""


class Reader(Protocol):
    """Reads one file: chunks of points and refused rows, with bounded memory."""

    def __call__(
        self,
        stream: Stream,
        *,
        device_id: str | None,
        fallback_device: str,
        now_us: int,
        options: ReadOptions,
    ) -> Iterator[Chunk]:
        """The points of a file, chunk by chunk.

        Args:
            stream: the file.
            device_id: the device of all points; None for the devices that the file names.
            fallback_device: the device of points that name none.
            now_us: UTC microseconds; times more than a day after it are refused.
            options: the person's settings for the file.

        Raises:
            BadInputError: the file cannot be read at all, or not further.
        """
        ...


class Surety(IntEnum):
    """How sure a mark makes a format; of several formats the surest is taken, then by name."""

    MAGIC = 0
    """Bytes that only this format begins with."""
    PROGRAM = 100
    """Words that only one program writes. XML adds how far into the head its root stands."""
    SHAPE = 100_000
    """A form that few write."""
    FALLBACK = 200_000
    """A form that many write."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format of files with positions.

    Attributes:
        name: its key in reports: lower case, with underscores.
        label: what people call it.
        recognise: how sure the beginning of a file makes it (`Surety`, or a number between two of
            them; the lowest of all formats is taken); None if the file is something else. It may
            raise UnknownFormatError for a file of the same program that has no positions.
        read: reads a file of it.
        is_binary: whether `recognise` looks at bytes; else it is asked about text only.
        documents: members of a zip that make it one document of this format.
        track_start: how each track begins, where tracks of one file may be of several devices and
            name none; None if a file is of one device, or names them.
        track_marks: bytes of which each file with a track has one: they are found far faster.
        group_start: likewise how each list of positions in a record begins.
    """

    name: str
    label: str
    recognise: Callable[[Head], int | None]
    read: Reader
    is_binary: bool = False
    documents: tuple[str, ...] = ()
    track_start: re.Pattern[bytes] | None = None
    track_marks: tuple[bytes, ...] = ()
    group_start: re.Pattern[bytes] | None = None
