"""The job "mesh_sync": every image has the mesh that is asked of it, and nothing else is kept.

Look at the sources, compare images and meshes (`meshes.keeping`), queue what is missing, stale or
due again, retire what lost its image, and make what was queued.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.meshes.keeping import KeepingPlan, KeptImage, KeptMesh, plan_of
from trackflow.store.database import Connection
from trackflow.store.meshes import batches, images, meshes, syncing
from trackflow.store.meshes.mesh_state import is_worth_a_try
from trackflow.usecases.days.report import counted
from trackflow.usecases.jobs.progress import ClaimedJob
from trackflow.usecases.meshes.batching import begin, queue_meshes, work_on
from trackflow.usecases.meshes.fetching import fetch_image
from trackflow.usecases.meshes.finding import FoundImages, find_images
from trackflow.usecases.meshes.requests import SYNC
from trackflow.usecases.meshes.tools import MeshTools, opened_tools, storage_of

KIND = "mesh_sync"

TRIGGERS = ("cli", "schedule", "sensor", "api", "ui")


@dataclass(frozen=True, slots=True)
class MeshSyncReport:
    """What a sync does, or would do.

    Attributes:
        images: that are there, of all sources.
        new_images: of these, the ones that were not known.
        changed_images: of these, the ones whose content has changed.
        gone_images: that are not there any more.
        make: meshes to make, by reason.
        again: failed meshes that are tried again.
        retire: meshes that lost their image.
        up_to_date: images whose mesh is as it should be.
        in_work: images whose mesh waits or is being made.
        resting: images whose mesh failed a short time ago.
        hopeless: images of which no mesh can be made.
        cancelled: images whose mesh a person has cancelled.
        waiting_files: files of the inbox that may still be being written.
        problems: images that could not be read, with the reason.
        watermark: changes whenever there is something else to do; empty for nothing to do.
    """

    images: int = 0
    new_images: int = 0
    changed_images: int = 0
    gone_images: int = 0
    make: Mapping[str, int] = field(default_factory=dict)
    again: int = 0
    retire: int = 0
    up_to_date: int = 0
    in_work: int = 0
    resting: int = 0
    hopeless: int = 0
    cancelled: int = 0
    waiting_files: int = 0
    problems: Mapping[str, str] = field(default_factory=dict)
    watermark: str = ""

    @property
    def to_make(self) -> int:
        """Meshes that are made, again or for the first time."""
        return sum(self.make.values()) + self.again

    def to_markdown(self) -> str:
        """The report for people."""
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.make.items()))
        lines = [
            (
                f"- images: {self.images:,} ({self.new_images:,} new, "
                f"{self.changed_images:,} changed, {self.gone_images:,} gone)"
            ),
            f"- to make: {self.to_make:,}" + (f" ({reasons})" if reasons else ""),
            f"- of these, tried again: {self.again:,}",
            f"- to retire: {self.retire:,}",
            (
                f"- up to date: {self.up_to_date:,}, in work: {self.in_work:,}, "
                f"resting: {self.resting:,}"
            ),
            f"- without a chance: {self.hopeless:,}, cancelled: {self.cancelled:,}",
        ]
        if self.waiting_files:
            lines.append(f"- {counted(self.waiting_files, 'file')} may still be being written")
        lines += [f"- cannot be read: {key}: {why}" for key, why in self.problems.items()]
        return "\n".join(lines)


def check_sync(_context: Context, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters; returns them as they are stored.

    Raises:
        BadInputError: the trigger is unknown.
    """
    trigger = parameters.get("trigger") or "cli"
    if trigger not in TRIGGERS:
        raise BadInputError(f"trigger is {trigger!r}; it is one of {', '.join(TRIGGERS)}")
    return {"trigger": trigger}


def summary(result: Mapping[str, Any]) -> str:
    """The result in words, for people."""
    parts = [f"{counted(result.get('completed', 0), 'mesh', 'meshes')} made"]
    parts += [
        f"{result[name]:,} {name}"
        for name in ("failed", "cancelled", "retired")
        if result.get(name)
    ]
    parts.append(f"{result.get('up_to_date', 0):,} up to date")
    return ", ".join(parts)


def run_sync(context: Context, claimed: ClaimedJob) -> dict[str, Any]:
    """Run the sync, from where the job stopped; returns its result.

    Raises:
        CancelledError: a person has cancelled the job.
        StaleClaimError: another worker has taken the job over.
        SettingsError: the inbox is no folder.
    """
    with opened_tools(context) as tools:
        return run_sync_with(context, claimed, tools)


def run_sync_with(context: Context, claimed: ClaimedJob, tools: MeshTools) -> dict[str, Any]:
    """As `run_sync`, with these tools."""
    stored = claimed.job.result or {}
    if "plan" not in stored:
        found = find_images(context, tools.fetch)
        stored = _apply(context, claimed, tools.generator.version, found)
    return work_on(context, claimed, tools, summary, stored["plan"])


def rehearse_sync(
    context: Context, version: str | None = None, *, check_files: bool = True
) -> MeshSyncReport:
    """What a sync would do now; it changes nothing and fetches nothing.

    Args:
        context: the store and settings.
        version: of the generator; by default, that of these settings.
        check_files: whether to find files that are lost; it lists the whole storage.

    Raises:
        SettingsError: the inbox is no folder.
    """
    if version is None:
        with opened_tools(context) as tools:
            version = tools.generator.version
    found = find_images(context, fetch_image, dry_run=True)
    stored = _stored_names(context) if check_files else None
    with context.store.read() as connection:
        kept = [one for one in _kept_images(connection) if one.image_key not in found.gone]
        new = [KeptImage(key, None, "") for key in found.new]
        changed = set(found.changed)
        kept = [
            KeptImage(one.image_key, "changed", one.parameters_hash, one.is_gone)
            if one.image_key in changed
            else one
            for one in kept
        ]
        plan = plan_of([*kept, *new], _kept_meshes(connection, stored), version, context.clock())
    return _report(found, plan, sum(not one.is_gone for one in kept) + len(new))


def _apply(
    context: Context, claimed: ClaimedJob, version: str, found: FoundImages
) -> dict[str, Any]:
    """Queue and retire in one transaction, with the job's progress; returns its result so far."""
    job = claimed.job
    stored = _stored_names(context)
    now = context.clock()
    with context.store.write() as connection:
        meshes.lock(connection)
        kept = _kept_images(connection)
        plan = plan_of(kept, _kept_meshes(connection, stored), version, now)
        retired = meshes.retire(connection, plan.retire, now)
        batches.add_batch(connection, job.job_id, KIND, now)
        queue_meshes(
            context,
            connection,
            job.job_id,
            [_wanted(connection, key) for key in plan.make],
        )
        meshes.retry(connection, plan.again)
        syncing.move_to_batch(connection, plan.again, job.job_id)
        report = _report(found, plan, sum(not one.is_gone for one in kept))
        result = {
            "plan": {
                "retired": retired,
                "up_to_date": plan.up_to_date,
                "reasons": dict(report.make),
                "again": len(plan.again),
                "images": report.images,
                "new_images": report.new_images,
                "changed_images": report.changed_images,
                "gone_images": report.gone_images,
                "in_work": plan.in_work,
                "resting": plan.resting,
                "hopeless": plan.hopeless,
                "problems": dict(found.problems),
            }
        }
        begin(connection, claimed, len(plan.make) + len(plan.again))
        claimed.advance(connection, 0, result=result)
    claimed.notify()
    return result


def _wanted(
    connection: Connection, key: str
) -> tuple[images.MeshImage, Mapping[str, Any], str, int]:
    image = images.read_image(connection, key)
    return image, image.parameters, image.parameters_hash, SYNC


def _report(found: FoundImages, plan: KeepingPlan, image_count: int) -> MeshSyncReport:
    return MeshSyncReport(
        images=image_count,
        new_images=len(found.new),
        changed_images=len(found.changed),
        gone_images=len(found.gone),
        make=Counter(reason.value for reason in plan.make.values()),
        again=len(plan.again),
        retire=len(plan.retire),
        up_to_date=plan.up_to_date,
        in_work=plan.in_work,
        resting=plan.resting,
        hopeless=plan.hopeless,
        cancelled=plan.cancelled,
        waiting_files=found.waiting,
        problems=found.problems,
        watermark=_watermark(found, plan),
    )


def _watermark(found: FoundImages, plan: KeepingPlan) -> str:
    todo = [sorted(found.versions), found.gone, list(plan.make.items()), plan.again, plan.retire]
    if not any(todo):
        return ""
    return hashlib.blake2b(repr(todo).encode(), digest_size=12).hexdigest()


def _kept_images(connection: Connection) -> list[KeptImage]:
    return [
        KeptImage(
            image.image_key, image.content_hash, image.parameters_hash, image.gone_at is not None
        )
        for image in images.read_images(connection)
    ]


def _stored_names(context: Context) -> set[str]:
    """The names of all stored files: one listing is faster than a request for each."""
    return {file.name for file in storage_of(context.settings).files()}


def _kept_meshes(connection: Connection, stored: set[str] | None) -> list[KeptMesh]:
    files = syncing.file_names(connection) if stored is not None else {}
    return [
        KeptMesh(
            mesh_id=row.mesh_id,
            image_key=row.image_key,
            status=row.status,
            parameters_hash=row.parameters_hash,
            content_hash=row.content_hash,
            generator_version=row.generator_version,
            can_get_better=is_worth_a_try(row.error_kind),
            finished_at=row.finished_at,
            has_files=stored is None or files.get(row.mesh_id, set()) <= stored,
        )
        for row in syncing.compared_meshes(connection)
    ]
