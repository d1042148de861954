"""What a sync has to do, so that every image has the mesh that is asked of it, and nothing else."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

FAILED_REST = dt.timedelta(hours=20)
"""A mesh that was given up, but may get better, is tried again by a sync after this time. Less than
a day: a daily sync must not miss it by minutes."""


class StaleReason(StrEnum):
    """Why a mesh is made."""

    MISSING = "missing"
    PARAMETERS = "parameters"
    IMAGE = "image"
    GENERATOR = "generator"
    FILES_LOST = "files lost"


@dataclass(frozen=True, slots=True)
class KeptImage:
    """An image, and what is asked of its mesh.

    Attributes:
        image_key: its key.
        content_hash: of its bytes; None before it was read for the first time.
        parameters_hash: of what is asked.
        is_gone: whether its source has it no more.
    """

    image_key: str
    content_hash: str | None
    parameters_hash: str
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class KeptMesh:
    """A mesh, as far as a sync looks at it.

    Attributes:
        mesh_id: its id.
        image_key: of its image.
        status: queued, running, completed, failed or cancelled; retired ones are left out.
        parameters_hash: of its parameters.
        content_hash: of the image that it was made from; None before.
        generator_version: that made it or failed; None before.
        can_get_better: whether its failure may pass.
        finished_at: when it ended, UTC.
        has_files: whether all of its files are there.
    """

    mesh_id: str
    image_key: str
    status: str
    parameters_hash: str
    content_hash: str | None = None
    generator_version: str | None = None
    can_get_better: bool = False
    finished_at: dt.datetime | None = None
    has_files: bool = True


@dataclass(slots=True)
class KeepingPlan:
    """What a sync does.

    Attributes:
        make: images of which a mesh is made, by key, with the reason.
        again: failed meshes that are tried again.
        retire: meshes that lost their image.
        up_to_date: images whose mesh is as it should be.
        in_work: images whose mesh waits or is being made.
        resting: images whose mesh failed a short time ago.
        hopeless: images of which no mesh can be made.
        cancelled: images whose mesh a person has cancelled.
    """

    make: dict[str, StaleReason] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)
    retire: list[str] = field(default_factory=list)
    up_to_date: int = 0
    in_work: int = 0
    resting: int = 0
    hopeless: int = 0
    cancelled: int = 0


def plan_of(
    images: Iterable[KeptImage], meshes: Iterable[KeptMesh], version: str, now: dt.datetime
) -> KeepingPlan:
    """The plan.

    Args:
        images: all images, those that are gone included.
        meshes: all meshes that are not retired, the oldest of an image first.
        version: of the generator.
        now: the time, UTC.
    """
    by_image: dict[str, list[KeptMesh]] = {}
    for mesh in meshes:
        by_image.setdefault(mesh.image_key, []).append(mesh)
    plan = KeepingPlan()
    kept = [image for image in images if not image.is_gone]
    for image in sorted(kept, key=lambda image: image.image_key):
        _decide(plan, image, by_image.get(image.image_key, []), version, now)
    plan.retire = _without_image(by_image, {image.image_key for image in kept})
    return plan


def _without_image(by_image: Mapping[str, Sequence[KeptMesh]], kept: set[str]) -> list[str]:
    """Meshes of images that are gone; one that is being made is retired by the next sync."""
    lost = (mesh for key, of_image in by_image.items() if key not in kept for mesh in of_image)
    return sorted(mesh.mesh_id for mesh in lost if mesh.status != "running")


def _decide(
    plan: KeepingPlan,
    image: KeptImage,
    meshes: Sequence[KeptMesh],
    version: str,
    now: dt.datetime,
) -> None:
    same = [mesh for mesh in meshes if mesh.parameters_hash == image.parameters_hash]
    if any(mesh.status in ("queued", "running") for mesh in same):
        plan.in_work += 1
        return
    current = [mesh for mesh in same if _is_current(mesh, image, version)]
    if any(mesh.status == "completed" and mesh.has_files for mesh in current):
        plan.up_to_date += 1
        return
    ended = [mesh for mesh in current if mesh.status != "completed"]
    if not ended or any(mesh.status == "completed" for mesh in current):
        plan.make[image.image_key] = _reason(image, meshes, same, current)
        return
    newest = ended[-1]
    if newest.status == "cancelled":
        plan.cancelled += 1
    elif not newest.can_get_better:
        plan.hopeless += 1
    elif newest.finished_at is not None and now - newest.finished_at < FAILED_REST:
        plan.resting += 1
    else:
        plan.again.append(newest.mesh_id)


def _is_current(mesh: KeptMesh, image: KeptImage, version: str) -> bool:
    """Whether the same would come out again; what is not known counts as equal."""
    return mesh.generator_version in (None, version) and (
        mesh.content_hash == image.content_hash or None in (mesh.content_hash, image.content_hash)
    )


def _reason(
    image: KeptImage,
    meshes: Sequence[KeptMesh],
    same: Sequence[KeptMesh],
    current: Sequence[KeptMesh],
) -> StaleReason:
    if not meshes:
        return StaleReason.MISSING
    if not same:
        return StaleReason.PARAMETERS
    if current:
        return StaleReason.FILES_LOST
    changed = same[-1].content_hash not in (None, image.content_hash)
    return StaleReason.IMAGE if changed else StaleReason.GENERATOR
