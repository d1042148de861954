"""Makes one claimed mesh: read its image, generate, store the files, publish."""

import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from trackflow.concurrency.switch import Stop
from trackflow.context import Context
from trackflow.errors import (
    BadInputError,
    MeshServiceError,
    MeshServiceUnavailableError,
    MeshStorageError,
    RetryableError,
    SourceError,
    StaleClaimError,
    StoppedError,
    StoreUnavailableError,
)
from trackflow.meshes.json_values import report_values
from trackflow.meshes.parameter_checks import checked_parameters
from trackflow.store.meshes import claims, endings, images, meshes
from trackflow.store.meshes.endings import MeshFailure, MeshResult
from trackflow.store.meshes.files import MeshStorage, hash_in
from trackflow.store.meshes.images import ImageContent, MeshImage
from trackflow.store.meshes.meshes import Mesh, MeshFile, MeshStatus
from trackflow.usecases.days.claims import message_of
from trackflow.usecases.meshes.requests import store_content
from trackflow.usecases.meshes.tools import MeshTools

if TYPE_CHECKING:
    from trackflow.meshes.generate import GeneratedMesh

log = logging.getLogger(__name__)

BEAT_EVERY_S = 1.0
"""Progress is written once a second at most."""

_FILE_NAME = re.compile(r"[a-z0-9_-]{1,60}((?:\.[a-z0-9]{1,10}){1,3})")

type OnBeat = Callable[[Mesh, float, str], None]
"""Called with the mesh, the done share and the step, as often as they are written."""


class MeshBeat:
    """The progress of a claimed mesh: written now and then, with the lease; it never goes back."""

    def __init__(self, context: Context, claimed: Mesh, on_beat: OnBeat, stop: Stop) -> None:
        self._context, self._claimed = context, claimed
        self._on_beat, self._stop = on_beat, stop
        self._lock = threading.Lock()
        self._share, self._step = claimed.progress, ""
        self._written_at = time.monotonic()
        self.is_stale = False
        self.is_cancelled = False

    def on_progress(self, share: float, step: str) -> None:
        """Note the progress."""
        with self._lock:
            self._share, self._step = max(self._share, min(share, 1.0)), step
            self._write()

    def has_to_end(self) -> bool:
        """Whether the work has to end: cancelled, taken over, or this process stops."""
        with self._lock:
            self._write()
        return self.is_cancelled or self.is_stale or self._stop.is_set()

    def _write(self) -> None:
        now_s = time.monotonic()
        if now_s - self._written_at < BEAT_EVERY_S or self.is_stale:
            return
        self._written_at = now_s
        try:
            with self._context.store.write() as connection:
                self.is_cancelled |= claims.beat(
                    connection,
                    self._claimed,
                    self._context.clock(),
                    self._context.settings.lease_s,
                    progress=self._share,
                    step=self._step,
                )
        except StaleClaimError:
            self.is_stale = True
            return
        except StoreUnavailableError as error:
            # a short outage need not end the work: publishing checks the claim in any case
            log.warning("the progress of a mesh was not written: %s", error)
            return
        self._on_beat(self._claimed, self._share, self._step)


def make_mesh(
    context: Context, tools: MeshTools, claimed: Mesh, on_beat: OnBeat, stop: Stop
) -> MeshStatus | None:
    """Make a claimed mesh and write its result; None if another worker has it now.

    Args:
        context: the store and settings.
        tools: the generator, the storage and the way to addresses.
        claimed: the mesh, with the epoch of its claim.
        on_beat: called as often as its progress is written.
        stop: ends the work; the mesh waits again then.

    Raises:
        StoreUnavailableError: the database went away; the lease will end, and it is made again.
    """
    beat = MeshBeat(context, claimed, on_beat, stop)
    began_s = time.monotonic()
    try:
        return _made(context, tools, claimed, beat, began_s)
    except StaleClaimError as error:
        log.warning("%s", error)
        return None
    except StoreUnavailableError:
        raise
    except StoppedError as error:
        return _stopped(context, claimed, beat, error)
    except Exception as error:  # noqa: BLE001  one image must not stop the others
        failure = _failure_of(error, _known_version(tools), time.monotonic() - began_s)
        return _failed(context, claimed, failure)


def _made(
    context: Context, tools: MeshTools, claimed: Mesh, beat: MeshBeat, began_s: float
) -> MeshStatus:
    image, content = _image_of(context, tools, claimed)
    version = tools.generator.version
    with context.store.write() as connection:
        claims.note_image(connection, claimed, content.content_hash, content.pixels)
        twin = claims.same_mesh(connection, claimed, content.content_hash, version)
        files = [] if twin is None else meshes.files_of(connection, twin.mesh_id)
    if twin is not None and all(tools.storage.exists(file.stored_name) for file in files):
        result = MeshResult(
            content.content_hash,
            version,
            twin.report or {},
            files,
            content.pixels,
            time.monotonic() - began_s,
            None,
        )
    else:
        made = tools.generator.generate(
            image,
            claimed.image_name,
            checked_parameters(claimed.parameters),
            on_progress=beat.on_progress,
            is_cancelled=beat.has_to_end,
        )
        result = _stored(tools.storage, made, content, version, began_s)
    _publish(context, tools.storage, claimed, result)
    return MeshStatus.COMPLETED


def _image_of(context: Context, tools: MeshTools, claimed: Mesh) -> tuple[bytes, ImageContent]:
    """The bytes of a mesh's image; they are fetched first where they have not been."""
    with context.store.read() as connection:
        image = images.read_image(connection, claimed.image_key)
    if image.stored_name is not None:
        with suppress(MeshStorageError):  # fetched again, if it has an address
            return tools.storage.read(image.stored_name), _content(image, image.stored_name)
        if image.address is None:
            # an error of the disk says so when it is read once more
            return tools.storage.read(image.stored_name), _content(image, image.stored_name)
    if image.address is None:
        raise BadInputError(f"the image {claimed.image_key} has neither a file nor an address")
    fetched = tools.fetch(context, image.address)
    content = store_content(tools.storage, fetched, context)
    with context.store.write() as connection:
        images.note_content(connection, image.image_key, content, context.clock())
    return fetched, content


def _content(image: MeshImage, stored_name: str) -> ImageContent:
    return ImageContent(stored_name, hash_in(stored_name), image.size_bytes or 0, image.pixels)


def _stored(
    storage: MeshStorage,
    made: "GeneratedMesh",
    content: ImageContent,
    version: str,
    began_s: float,
) -> MeshResult:
    """The result, its files in the storage.

    The files that a killed process has stored are used by the next one: equal bytes have equal
    names.
    """
    files = []
    for name, data in sorted(made.files.items()):
        parts = _FILE_NAME.fullmatch(name)
        if parts is None:
            raise BadInputError(f"{name[:100]!r} is no name of a mesh's file")
        stored = storage.put(data, parts[1])
        files.append(MeshFile(name, stored, len(data), hash_in(stored)))
    cost = made.cost
    return MeshResult(
        content.content_hash,
        version,
        report_values(made.report),
        files,
        cost.pixels if cost else content.pixels,
        time.monotonic() - began_s,
        cost.peak_bytes if cost else None,
    )


def _publish(context: Context, storage: MeshStorage, claimed: Mesh, result: MeshResult) -> None:
    with context.store.write() as connection:
        meshes.lock(connection)
        endings.publish(connection, claimed, result, context.clock())
        for file in result.files:
            # a cleanup may have deleted an old file of equal bytes since it was found
            if not storage.exists(file.stored_name):
                raise MeshStorageError(f"the file {file.name} is gone from the storage")


def _stopped(
    context: Context, claimed: Mesh, beat: MeshBeat, error: StoppedError
) -> MeshStatus | None:
    if beat.is_stale:
        return None
    try:
        with context.store.write() as connection:
            if beat.is_cancelled:
                endings.end_cancelled(connection, claimed, context.clock())
                return MeshStatus.CANCELLED
            endings.give_back(connection, claimed, str(error))
            return MeshStatus.QUEUED
    except StaleClaimError as stale:
        log.warning("%s", stale)
        return None


def _failed(context: Context, claimed: Mesh, failure: MeshFailure) -> MeshStatus | None:
    try:
        with context.store.write() as connection:
            is_last = endings.fail(connection, claimed, failure, context.clock())
    except StaleClaimError as stale:
        log.warning("%s", stale)
        return None
    return MeshStatus.FAILED if is_last else MeshStatus.QUEUED


def _failure_of(error: Exception, version: str | None, seconds: float) -> MeshFailure:
    return MeshFailure(
        _kind_of(error), message_of(error), generator_version=version, seconds=seconds
    )


def _known_version(tools: MeshTools) -> str | None:
    """The version of the generator; None where a service is away and does not say."""
    try:
        return tools.generator.version
    except RetryableError:
        return None


def _kind_of(error: Exception) -> str:
    """The kind of a failure; it decides how many tries follow (`mesh_state.MOST_TRIES`)."""
    match error:
        case MeshServiceUnavailableError():
            return "unavailable"
        case MeshServiceError():
            return "service"
        case MeshStorageError():
            return "storage"
        case SourceError():
            return "fetch" if error.retryable else "address"
        case BadInputError():
            return "image"
    retryable = getattr(error, "retryable", None)
    if retryable is None:
        return "unexpected"
    return "unavailable" if retryable else "image"
