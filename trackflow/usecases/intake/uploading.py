"""Imports files that a person sends: each is put into a folder of its own, read and removed.

Names come from outside. They only name the file and, in a folder that was dropped whole, its
device; no part of one leads out of the folder.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.usecases.intake.importing import ImportReport, import_paths, new_id, rehearse

FOLDER = "uploaded"
"""Device of files whose names are only numbers and dates, as it is the folder around them."""

MOST_PART_CHARS = 120
MOST_PARTS = 8


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as it was sent: its name, perhaps with folders, and its bytes."""

    name: str
    content: IO[bytes]


def import_uploads(
    context: Context,
    files: Sequence[UploadedFile],
    *,
    device_id: str | None = None,
    options: ReadOptions = DEFAULTS,
    dry_run: bool = False,
) -> ImportReport:
    """Import files as `import_paths` does; the report names them as they were sent.

    Args:
        context: the store and the clock.
        files: at least one.
        device_id: the device of all points, in place of the files' own.
        options: how to read what files leave open, such as time zones.
        dry_run: whether to report only, and store nothing.

    Raises:
        BadInputError: there is no file.
    """
    if not files:
        raise BadInputError("there is no file in it: send at least one, as `file`")
    with tempfile.TemporaryDirectory(prefix="trackflow-") as folder:
        paths = [_kept(Path(folder), k, file) for k, file in enumerate(files)]
        if dry_run:
            return rehearse(context, paths, device_id=device_id, options=options)
        return import_paths(
            context, paths, device_id=device_id, options=options, import_id=new_id()
        )


def _kept(folder: Path, number: int, file: UploadedFile) -> Path:
    """Write a file into a folder of its own; returns its path."""
    path = folder.joinpath(str(number), FOLDER, *_parts(file.name))
    path.parent.mkdir(parents=True)
    with path.open("xb") as target:
        shutil.copyfileobj(file.content, target, 1 << 20)
    return path


def _parts(name: str) -> list[str]:
    """The folders and the name of a file, in characters that every file system takes."""
    parts = [_harmless(part) for part in name.replace("\\", "/").split("/")]
    kept = [part for part in parts if part.strip(". ")][-MOST_PARTS:]
    return kept or ["file"]


def _harmless(part: str) -> str:
    shown = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in part)
    encoded = shown.encode("utf-8", "replace")
    # the ending says what the file is, so it is the beginning that is cut off
    return encoded[-MOST_PART_CHARS:].decode("utf-8", "ignore")
