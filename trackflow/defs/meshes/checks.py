"""Checks of meshes, one status per image: the error within its limit, closed where asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.errors import step
from trackflow.defs.meshes.partitions import images_of, name_of_images
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.verdicts import CheckVerdict
from trackflow.usecases.meshes.control import Mesh, MeshStatus, list_meshes

MESHES_ASSET = "meshes"

ROUNDING = 1e-6
"""Share of the limit that the rounding of numbers may take."""


@dataclass(frozen=True, slots=True)
class MeshCheck:
    """A check of a mesh: its name, the statement that is true if it passes, and its judge."""

    name: str
    description: str
    judge: Callable[[Mesh], CheckVerdict]


def judge_error(mesh: Mesh) -> CheckVerdict:
    """Compare the largest error, measured on every pixel, with the limit."""
    report = mesh.report or {}
    asked, largest = report.get("asked_error_m"), report.get("max_error_m")
    if asked is None or largest is None:
        return CheckVerdict(False, "its report says nothing about its error", {})
    numbers: dict[str, metadata.Value] = {"max_error_m": largest, "asked_error_m": asked}
    text = f"at most {largest:.3g} m beside the image; {asked:.3g} m were allowed"
    return CheckVerdict(largest <= asked * (1 + ROUNDING) + ROUNDING, text, numbers)


def judge_watertight(mesh: Mesh) -> CheckVerdict:
    """See whether the body for printing is closed."""
    report = mesh.report or {}
    is_closed = bool(report.get("is_watertight"))
    numbers: dict[str, metadata.Value] = {"watertight": dg.MetadataValue.bool(is_closed)}
    if is_closed:
        return CheckVerdict(True, "closed", numbers)
    if not mesh.parameters.get("solid"):
        return CheckVerdict(True, "an open surface; no solid was asked for", numbers)
    return CheckVerdict(False, f"not closed: {report.get('open_reason') or 'unknown why'}", numbers)


MESH_CHECKS = (
    MeshCheck(
        "error_is_within_limit",
        "The mesh lies nowhere farther from its image than was asked for, measured on every pixel "
        "that has a height.",
        judge_error,
    ),
    MeshCheck(
        "solid_is_watertight",
        "Where a solid was asked for, it is closed: a printer can print it.",
        judge_watertight,
    ),
)


def evaluations(key: dg.AssetKey, mesh: Mesh) -> Iterator[dg.AssetCheckEvaluation]:
    """The results of all checks of a completed mesh."""
    for check in MESH_CHECKS:
        yield _evaluation(check, key, mesh)


def _evaluation(check: MeshCheck, key: dg.AssetKey, mesh: Mesh) -> dg.AssetCheckEvaluation:
    verdict = check.judge(mesh)
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=check.name,
        passed=verdict.passed,
        description=verdict.description,
        metadata={"mesh_id": mesh.mesh_id, **verdict.numbers},
        partition=mesh.image_key,
    )


def mesh_checks(trackflow: TrackflowResource) -> list[dg.AssetChecksDefinition]:
    """All checks of meshes."""
    return [_defined(check, images_of(trackflow)) for check in MESH_CHECKS]


def _defined(check: MeshCheck, images: dg.DynamicPartitionsDefinition) -> dg.AssetChecksDefinition:
    @step
    def evaluate(
        context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
    ) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
        key = trackflow.key(MESHES_ASSET)
        with trackflow.open() as trackflow_context:
            for image_key in _image_keys(context, trackflow):
                mesh = newest_mesh(trackflow_context, image_key)
                if mesh is not None:
                    yield _evaluation(check, key, mesh)
        # not an AssetCheckResult: in a run of several images it would belong to none
        yield dg.Output(None)

    decorate = dg.asset_check(
        asset=MESHES_ASSET, name=check.name, description=check.description, partitions_def=images
    )
    return decorate(evaluate)  # type: ignore[arg-type]  # it runs bodies that yield as well


def _image_keys(context: dg.AssetCheckExecutionContext, trackflow: TrackflowResource) -> list[str]:
    """The images of the run; all if the run names none."""
    of_step = context.op_execution_context
    if of_step.has_partition_key or of_step.has_partition_key_range:
        return list(of_step.partition_keys)
    return list(context.instance.get_dynamic_partitions(name_of_images(trackflow)))


def newest_mesh(trackflow_context: Context, image_key: str) -> Mesh | None:
    """The newest completed mesh of an image."""
    completed = (MeshStatus.COMPLETED,)
    found = list_meshes(trackflow_context, statuses=completed, image_key=image_key, limit=1)
    return found[0] if found else None
