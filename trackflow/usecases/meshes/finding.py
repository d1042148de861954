"""Finds images: in the inbox folder, among the logos of the catalogue, and behind addresses.

The inbox is only read. A file is read again when its size or the time of its last change differs;
an address is fetched again after a week.
"""

import datetime as dt
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackflow.catalogue.records import CatalogueTrack
from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.processor import Processor
from trackflow.context import Context
from trackflow.errors import BadInputError, MeshStorageError, SettingsError, SourceError
from trackflow.files import is_settled, ordinary_files
from trackflow.geo.time import from_us
from trackflow.meshes.json_values import parameter_values
from trackflow.meshes.parameter_checks import hash_of
from trackflow.meshes.parameters import MeshKind, MeshParameters
from trackflow.store.meshes import images
from trackflow.store.meshes.files import MeshStorage
from trackflow.store.meshes.images import MeshImage
from trackflow.store.meshes.logos import logo_tracks
from trackflow.usecases.meshes.race_tracks import logo_key
from trackflow.usecases.meshes.requests import columns_of, key_part, store_content
from trackflow.usecases.meshes.tools import FetchImage, storage_of

log = logging.getLogger(__name__)

FETCHED_AGAIN = dt.timedelta(days=7)
"""Age of the bytes of an address after which a sync looks whether they have changed."""

FETCHES_AT_ONCE = 4

MOST_PROBLEMS = 100

LOGO = MeshParameters(kind=MeshKind.OUTLINE)
"""What is asked of the mesh of a logo."""


@dataclass(slots=True)
class FoundImages:
    """What a look at all sources found.

    Attributes:
        seen: images that are there, by key.
        new: of these, the ones that were not known.
        changed: of these, the ones whose bytes have changed.
        versions: what tells each of these from an earlier and a later one.
        gone: keys of images that are not there any more.
        waiting: files that may still be being written.
        problems: images that could not be read, with the reason.
    """

    seen: set[str] = field(default_factory=set)
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    waiting: int = 0
    problems: dict[str, str] = field(default_factory=dict)


def find_images(context: Context, fetch: FetchImage, *, dry_run: bool = False) -> FoundImages:
    """Look at all sources and note what is there and what is gone.

    Args:
        context: the store and settings.
        fetch: fetches the image at an address.
        dry_run: change nothing, and fetch nothing.

    Raises:
        SettingsError: the inbox is no folder.
        StoreUnavailableError: the database is away.
    """
    look = _Look(context, storage_of(context.settings), fetch, dry_run)
    look.inbox()
    look.logos()
    if not dry_run:
        look.addresses()
    return look.found


@dataclass(slots=True, eq=False)
class _Look:
    """One look at all sources."""

    context: Context
    storage: MeshStorage
    fetch: FetchImage
    dry_run: bool
    found: FoundImages = field(default_factory=FoundImages)

    def inbox(self) -> None:
        """The files of the inbox. Without one, its images stay as they are."""
        folder = self.context.settings.mesh_inbox
        if folder is None:
            return
        if not folder.is_dir():
            raise SettingsError(
                f"the inbox of meshes {folder} (TRACKFLOW_MESH_INBOX) is no folder: make it first"
            )
        known = self._known("inbox")
        seen: set[str] = set()
        root = folder.resolve()
        for path, name, status in ordinary_files(folder):
            if not _is_inside(path, root):
                continue
            image_key = f"inbox/{key_part(name)}"
            seen.add(image_key)
            self._file(path, name, status, image_key, known.get(image_key))
        self._ended(known, seen)

    def logos(self) -> None:
        """The logos of race tracks that their sources list."""
        known = self._known("catalogue")
        seen: set[str] = set()
        if self.context.settings.mesh_logos:
            with self.context.store.read() as connection:
                listed = logo_tracks(connection)
            for source, track in listed:
                seen.add(self._logo(source, track, known))
        self._ended(known, seen)

    def addresses(self) -> None:
        """Fetch images again whose bytes are old; their servers tell no other way of a change."""
        now = self.context.clock()
        with self.context.store.read() as connection:
            everything = images.read_images(connection)
        old = [
            image
            for image in everything
            if image.address is not None
            and image.gone_at is None
            and image.fetched_at is not None
            and now - image.fetched_at > FETCHED_AGAIN
        ]
        self.context.services.show()
        for result in Processor(FETCHES_AT_ONCE, name="images", ahead=FETCHES_AT_ONCE).run(
            old, self._fetched
        ):
            if isinstance(result.error, SourceError | BadInputError | MeshStorageError):
                self._problem(result.item.image_key, str(result.error))
            else:
                result.result()

    def _fetched(self, image: MeshImage, _deadline: Deadline) -> None:
        assert image.address is not None
        content = store_content(self.storage, self.fetch(self.context, image.address), self.context)
        if content.content_hash != image.content_hash:
            self.found.changed.append(image.image_key)
        with self.context.store.write() as connection:
            images.note_content(connection, image.image_key, content, self.context.clock())

    def _file(
        self,
        path: Path,
        name: str,
        status: os.stat_result,
        image_key: str,
        known: MeshImage | None,
    ) -> None:
        modified_at = from_us(status.st_mtime_ns // 1000)
        state = (status.st_size, modified_at)
        if known is not None and state == (known.size_bytes, known.modified_at):
            return
        if not is_settled(status, self.context.clock()):
            self.found.waiting += 1
            return
        (self.found.new if known is None else self.found.changed).append(image_key)
        self.found.versions.append(f"{image_key} {status.st_size} {status.st_mtime_ns}")
        if self.dry_run:
            return
        values: dict[str, Any] = {"source": "inbox", "name": name, "modified_at": modified_at}
        try:
            if status.st_size > self.context.settings.mesh_image_mb * 1_000_000:
                raise BadInputError(
                    f"the file has {status.st_size:,} bytes, more than TRACKFLOW_MESH_IMAGE_MB"
                )
            content = store_content(self.storage, path.read_bytes(), self.context)
        except (BadInputError, MeshStorageError, OSError) as error:
            self._problem(image_key, str(error))
            return
        values |= columns_of(content) | {"fetched_at": self.context.clock()}
        if known is None:
            values |= _asked(MeshParameters())
        with self.context.store.write() as connection:
            images.save_image(connection, image_key, self.context.clock(), values)

    def _logo(self, source: str, track: CatalogueTrack, known: dict[str, MeshImage]) -> str:
        """Note a logo; its bytes are fetched when its mesh is made."""
        image_key = logo_key(source, track.slug)
        stored = known.get(image_key)
        if stored is not None and stored.address == track.logo_url:
            return image_key
        (self.found.new if stored is None else self.found.changed).append(image_key)
        self.found.versions.append(f"{image_key} {track.logo_url}")
        if not self.dry_run:
            values: dict[str, Any] = {
                "source": "catalogue",
                "name": track.name or track.slug,
                "address": track.logo_url,
                "project": source,
                # another address: what was fetched from the old one does not count
                "stored_name": None,
                "content_hash": None,
                "fetched_at": None,
                "pixels": None,
            }
            if stored is None:
                values |= _asked(LOGO)
            with self.context.store.write() as connection:
                images.save_image(connection, image_key, self.context.clock(), values)
        return image_key

    def _known(self, source: str) -> dict[str, MeshImage]:
        with self.context.store.read() as connection:
            return {image.image_key: image for image in images.read_images(connection, source)}

    def _ended(self, known: dict[str, MeshImage], seen: set[str]) -> None:
        self.found.seen |= seen
        gone = sorted(
            key for key, image in known.items() if key not in seen and image.gone_at is None
        )
        self.found.gone += gone
        if self.dry_run:
            return
        with self.context.store.write() as connection:
            images.mark_seen(connection, sorted(seen & known.keys()), self.context.clock())
            images.mark_gone(connection, gone, self.context.clock())

    def _problem(self, image_key: str, reason: str) -> None:
        if len(self.found.problems) < MOST_PROBLEMS:
            self.found.problems[image_key] = reason
        log.warning("the image %s cannot be read: %s", image_key, reason)


def _asked(parameters: MeshParameters) -> dict[str, Any]:
    return {"parameters": parameter_values(parameters), "parameters_hash": hash_of(parameters)}


def _is_inside(path: Path, root: Path) -> bool:
    """Whether no link leads out of the folder; a file that is gone by now is in none."""
    try:
        return path.resolve().is_relative_to(root)
    except OSError:
        return False
