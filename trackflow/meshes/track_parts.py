"""Tracks on the terrain of a mesh, in what viewers show and in what is printed."""

import dataclasses

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo import polylines
from trackflow.meshes.closed import open_reason, volume_m3
from trackflow.meshes.drape import Line, groove_in, local_lines, ribbon_on
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.parts import MeshParts
from trackflow.meshes.report import MeshReport
from trackflow.meshes.scene import Scene

_WIDTH_SHARE, _HEIGHT_SHARE = 1 / 120, 1 / 300


def with_tracks(parts: MeshParts, parameters: MeshParameters) -> MeshParts:
    """A terrain with the tracks of its parameters on it, in proportion to its size.

    Raises:
        BadInputError: the image is no terrain or does not say where it lies, or a groove would cut
            through the print.
    """
    surface, place = parts.scene.bodies[0], parts.scene.georeference
    if place is None:
        raise BadInputError("the image does not say where it lies: no track can be laid on it")
    report = parts.report
    lines = local_lines(
        [np.column_stack(polylines.decode(line)) for line in parameters.tracks],
        place,
        report.columns * report.pixel_width_m,
        report.rows * report.pixel_height_m,
    )
    extent_m = float(np.ptp(surface.vertices[:, :2], axis=0).max())
    width_m = extent_m * _WIDTH_SHARE
    height_m = extent_m * _HEIGHT_SHARE
    ribbon = ribbon_on(surface, lines, width_m, height_m)
    if ribbon is None:
        note = "the track lies beside the terrain"
        return dataclasses.replace(parts, report=_with_notes(parts, note))
    scene = dataclasses.replace(parts.scene, bodies=[*parts.scene.bodies, ribbon])
    with_ribbon = dataclasses.replace(parts, scene=scene)
    if parts.print_scene is None:
        return with_ribbon
    if not parameters.groove:
        bodies = [*parts.print_scene.bodies, ribbon]
        return dataclasses.replace(
            with_ribbon, print_scene=dataclasses.replace(parts.print_scene, bodies=bodies)
        )
    return _with_groove(with_ribbon, parts.print_scene, lines, width_m, height_m)


def _with_groove(
    parts: MeshParts, print_scene: Scene, lines: list[Line], width_m: float, depth_m: float
) -> MeshParts:
    """The same with a groove in its print.

    Args:
        parts: the mesh.
        print_scene: its closed body.
        lines: in metres from its origin.
        width_m: of the groove.
        depth_m: of the groove.
    """
    solid = groove_in(print_scene.bodies[0], lines, width_m, depth_m)
    reason = open_reason(solid)
    report = dataclasses.replace(
        parts.report,
        is_watertight=reason is None,
        open_reason=reason,
        volume_m3=volume_m3(solid) if reason is None else None,
    )
    return dataclasses.replace(
        parts, print_scene=dataclasses.replace(print_scene, bodies=[solid]), report=report
    )


def _with_notes(parts: MeshParts, note: str) -> MeshReport:
    return dataclasses.replace(parts.report, notes=(*parts.report.notes, note))
