"""Meshes, their images and their batches."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from trackflow.usecases.jobs.control import Job, JobStatus
from trackflow.usecases.meshes.control import Mesh, MeshFile, MeshStatus, shown_parameters
from trackflow.usecases.meshes.links import MAIN_FILE, THUMBNAIL, result_path
from trackflow.web.answers.describing import described, sends, shows

MEDIA_TYPES = {
    ".glb": "model/gltf-binary",
    ".stl": "model/stl",
    ".3mf": "model/3mf",
    ".obj": "model/obj",
    ".png": "image/png",
}
"""Content types by the last ending of a file's name."""

OTHER_TYPE = "application/octet-stream"


@described
class MeshEntry(TypedDict):
    """A mesh, as it is listed."""

    mesh_id: str
    image_url: str | None
    """Where its image is fetched from; null for one that was sent."""
    image_key: str
    image_name: str
    parameters: dict[str, Any]
    """What is asked; only what differs from the defaults."""
    status: MeshStatus
    progress: float
    """Done share from 0 to 1; it never goes back."""
    step: str | None
    """What is done at the moment."""
    result_url: str | None
    """Path of its GLB; null until it is finished."""
    thumbnail_url: str | None
    """Path of its picture; null until it is finished."""
    vertex_count: int | None
    triangle_count: int | None
    error_kind: str | None
    error_message: str | None
    """Why its last try failed."""
    tries: int
    """Failed ones so far."""
    next_try_at: dt.datetime | None
    """No try before this time, UTC."""
    cancel_requested: bool
    """Whether a person wants it to stop."""
    project: str | None
    user: str | None
    """Who asked for it."""
    batch_id: uuid.UUID | None
    size_bytes: int
    """Of its files together."""
    seconds: float | None
    """That making it took."""
    report: dict[str, Any] | None
    """Of the finished mesh: bounds, errors, whether it is watertight, notes."""
    created_at: dt.datetime
    """When it was queued, UTC."""
    started_at: dt.datetime | None
    """When it was first begun, UTC."""
    finished_at: dt.datetime | None
    """When it ended, UTC."""


@described
class MeshFileEntry(TypedDict):
    """A file of a mesh."""

    name: str
    url: str
    """Its path."""
    media_type: str
    size_bytes: int
    sha256: str
    """Of its bytes, hexadecimal; quoted, it is the ETag."""


@described
class MeshAnswer(MeshEntry):
    """A mesh with its files."""

    files: list[MeshFileEntry]
    """By name; empty until it is finished."""


@described
class MeshesAnswer(TypedDict):
    """A page of meshes."""

    meshes: list[MeshEntry]
    """The newest first."""
    next: str | None
    """Goes on as `before`; null on the last page."""


@described
class MeshImageAnswer(TypedDict):
    """An image that was received."""

    image_key: str
    """Names it in a batch."""
    name: str


@described
class MeshBatchAnswer(TypedDict):
    """A batch of meshes; its job has the same id."""

    batch_id: uuid.UUID
    kind: str
    """`mesh_batch`, or `mesh_sync` for what a sync makes."""
    status: JobStatus
    total: int | None
    """Meshes in all; null until they are queued."""
    completed: int
    """Meshes that are finished."""
    failed: int
    """Meshes that failed for good."""
    message: str | None
    """The state in words."""
    seconds_left: float | None
    """As estimated; null without an estimate."""
    error: str | None
    """Why the batch itself failed."""
    cancel_requested: bool
    """Whether a person wants it to stop."""
    project: str | None
    created_at: dt.datetime
    """When it was queued, UTC."""
    finished_at: dt.datetime | None
    """When it ended, UTC."""


@described
class MeshBatchesAnswer(TypedDict):
    """The newest batches."""

    batches: list[MeshBatchAnswer]
    """The newest first."""


@described
class CallbackAnswer(TypedDict):
    """The receipt of a callback."""

    taken: bool
    """Whether it changed something; not so for a repeated or a late one."""


def media_type_of(name: str) -> str:
    """The content type of a mesh's file."""
    return MEDIA_TYPES.get("." + name.rpartition(".")[2], OTHER_TYPE)


def mesh_entry(mesh: Mesh) -> MeshEntry:
    """A mesh as it is listed."""
    report = mesh.report or {}
    is_done = mesh.status is MeshStatus.COMPLETED
    return {
        "mesh_id": mesh.mesh_id,
        "image_url": mesh.image_url,
        "image_key": mesh.image_key,
        "image_name": mesh.image_name,
        "parameters": shown_parameters(mesh),
        "status": mesh.status,
        "progress": mesh.progress,
        "step": mesh.step,
        "result_url": result_path(mesh.mesh_id) if is_done else None,
        "thumbnail_url": result_path(mesh.mesh_id, THUMBNAIL) if is_done else None,
        "vertex_count": report.get("vertex_count"),
        "triangle_count": report.get("triangle_count"),
        "error_kind": mesh.error_kind,
        "error_message": mesh.error_message,
        "tries": mesh.tries,
        "next_try_at": mesh.next_try_at,
        "cancel_requested": mesh.cancel_requested,
        "project": mesh.project,
        "user": mesh.user_name,
        "batch_id": mesh.batch_id,
        "size_bytes": mesh.size_bytes,
        "seconds": mesh.seconds,
        "report": mesh.report,
        "created_at": mesh.created_at,
        "started_at": mesh.started_at,
        "finished_at": mesh.finished_at,
    }


def mesh_answer(mesh: Mesh, files: Iterable[MeshFile]) -> MeshAnswer:
    """A mesh with its files."""
    shown = [_file(mesh.mesh_id, file) for file in files]
    return {**mesh_entry(mesh), "files": shown if mesh.status is MeshStatus.COMPLETED else []}


def meshes_answer(meshes: list[Mesh], limit: int) -> MeshesAnswer:
    """A page of at most `limit` meshes, of a list that may have one more."""
    page = meshes[:limit]
    following = page[-1].mesh_id if len(meshes) > limit else None
    return {"meshes": [mesh_entry(mesh) for mesh in page], "next": following}


def batch_answer(job: Job) -> MeshBatchAnswer:
    """A batch, by its job."""
    parameters: Mapping[str, Any] = job.parameters
    return {
        "batch_id": job.job_id,
        "kind": job.kind,
        "status": job.status,
        "total": job.total,
        "completed": job.completed,
        "failed": job.failed,
        "message": job.message,
        "seconds_left": job.seconds_left,
        "error": job.error,
        "cancel_requested": job.cancel_requested,
        "project": parameters.get("project"),
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


def _file(mesh_id: str, file: MeshFile) -> MeshFileEntry:
    return {
        "name": file.name,
        "url": result_path(mesh_id, file.name),
        "media_type": media_type_of(file.name),
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
    }


ID = "2f6c0f0e-6d0f-4c53-9a35-0c8f3c1f2a10"
_BATCH_ID = uuid.UUID("0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69")
_AT = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_QUEUED: MeshEntry = {
    "mesh_id": ID,
    "image_url": "https://images.example/horse.png",
    "image_key": "api/horse.png-5d1c2a90be31",
    "image_name": "horse.png",
    "parameters": {"detail_factor": 0.02},
    "status": MeshStatus.QUEUED,
    "progress": 0.0,
    "step": None,
    "result_url": None,
    "thumbnail_url": None,
    "vertex_count": None,
    "triangle_count": None,
    "error_kind": None,
    "error_message": None,
    "tries": 0,
    "next_try_at": None,
    "cancel_requested": False,
    "project": "stables",
    "user": "anna",
    "batch_id": None,
    "size_bytes": 0,
    "seconds": None,
    "report": None,
    "created_at": _AT,
    "started_at": None,
    "finished_at": None,
}
_DONE: MeshEntry = {
    **_QUEUED,
    "status": MeshStatus.COMPLETED,
    "progress": 1.0,
    "result_url": result_path(ID),
    "thumbnail_url": result_path(ID, THUMBNAIL),
    "vertex_count": 1_204,
    "triangle_count": 2_404,
    "size_bytes": 96_112,
    "seconds": 0.41,
    "report": {"kind": "outline", "is_watertight": True, "max_error_m": 4.1},
    "started_at": _AT + dt.timedelta(seconds=1),
    "finished_at": _AT + dt.timedelta(seconds=2),
}
_FILE: MeshFileEntry = {
    "name": MAIN_FILE,
    "url": result_path(ID),
    "media_type": "model/gltf-binary",
    "size_bytes": 61_440,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
_BATCH: MeshBatchAnswer = {
    "batch_id": _BATCH_ID,
    "kind": "mesh_batch",
    "status": JobStatus.RUNNING,
    "total": 200,
    "completed": 41,
    "failed": 1,
    "message": "making meshes",
    "seconds_left": 38.5,
    "error": None,
    "cancel_requested": False,
    "project": "stables",
    "created_at": _AT,
    "finished_at": None,
}

MESHES = shows(MeshesAnswer, {"meshes": [_DONE], "next": None})
MESH = shows(MeshAnswer, {**_DONE, "files": [_FILE]})
NEW_MESH = shows(MeshAnswer, {**_QUEUED, "files": []}, status=202, text="The mesh is queued.")
NEW_IMAGE = shows(
    MeshImageAnswer,
    {"image_key": "upload/horse.png-9f86d08188", "name": "horse.png"},
    text="The image is stored.",
)
BATCHES = shows(MeshBatchesAnswer, {"batches": [_BATCH]})
BATCH = shows(MeshBatchAnswer, _BATCH)
NEW_BATCH = shows(
    MeshBatchAnswer,
    {**_BATCH, "status": JobStatus.QUEUED, "total": None, "completed": 0, "failed": 0},
    status=202,
    text="The batch is queued.",
)
CALLBACK = shows(CallbackAnswer, {"taken": True})
MESH_FILE = sends(
    {**dict.fromkeys(MEDIA_TYPES.values(), "binary"), OTHER_TYPE: "binary"}, "The file."
)
