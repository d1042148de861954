"""What Dagster shows of a mesh: a picture, numbers that plot, links; of a failure, its reason."""

import datetime as dt

import dagster as dg

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.settings import Settings
from trackflow.usecases.meshes.control import Mesh, MeshFile, files_of_mesh
from trackflow.usecases.meshes.history import preview_of
from trackflow.usecases.meshes.links import page_of_mesh, result_path

type Values = dict[str, metadata.Value]

NUMBERS = {
    "vertices": "vertex_count",
    "triangles": "triangle_count",
    "max_error_m": "max_error_m",
    "mean_error_m": "mean_error_m",
    "asked_error_m": "asked_error_m",
    "voids": "void_count",
}
"""Names in metadata, and in the report of a mesh."""


def state_of(mesh: Mesh) -> Values:
    """What tells one event of a mesh from another: Dagster has each of them once."""
    return {"mesh_id": mesh.mesh_id, "status": mesh.status.value, "tries": mesh.tries}


def describe(trackflow_context: Context, mesh: Mesh) -> Values:
    """Metadata of a completed mesh."""
    settings, report = trackflow_context.settings, mesh.report or {}
    values: Values = {}
    preview = preview_of(trackflow_context, mesh.mesh_id)
    if preview is not None:
        values["picture"] = dg.MetadataValue.md(f"![{_in_markdown(mesh.image_name)}]({preview})")
    values |= state_of(mesh)
    values |= {name: report[key] for name, key in NUMBERS.items() if report.get(key) is not None}
    values |= {
        "kind": str(report.get("kind", "")),
        "watertight": dg.MetadataValue.bool(bool(report.get("is_watertight"))),
        "bytes": mesh.size_bytes,
        "seconds": round(mesh.seconds or 0.0, 3),
        "files": dg.MetadataValue.md(
            _file_table(settings, mesh, files_of_mesh(trackflow_context, mesh.mesh_id))
        ),
        "page": _page(settings, mesh),
    }
    for name in ("open_reason", "crs"):
        if report.get(name):
            values[name] = str(report[name])
    if report.get("notes"):
        values["notes"] = dg.MetadataValue.md("\n".join(f"- {note}" for note in report["notes"]))
    if mesh.peak_memory_bytes is not None:
        values["peak_memory_mb"] = round(mesh.peak_memory_bytes / 1e6, 1)
    return values


def describe_trouble(settings: Settings, mesh: Mesh) -> Values:
    """Metadata of a mesh that has failed, rests, was cancelled or retired."""
    values: Values = state_of(mesh) | {"what": what_became_of(mesh), "page": _page(settings, mesh)}
    for name, value in (("error_kind", mesh.error_kind), ("error_message", mesh.error_message)):
        if value:
            values[name] = value
    moments = {
        "next_try_at": mesh.next_try_at,
        "finished_at": mesh.finished_at,
        "notified_at": mesh.notified_at,
    }
    for name, moment in moments.items():
        if moment is not None:
            values[name] = dg.MetadataValue.timestamp(moment)
    return values


def what_became_of(mesh: Mesh) -> str:
    """One line for people."""
    match mesh.status.value:
        case "queued" if not mesh.tries:
            return "waits: other workers have all places"
        case "queued":
            return f"try {mesh.tries} failed; tried again {_when(mesh.next_try_at)}"
        case "failed":
            return f"given up after {'one try' if mesh.tries == 1 else f'{mesh.tries} tries'}"
        case "cancelled":
            return "cancelled"
        case "retired":
            return "retired: a newer mesh has replaced it, or its image is gone"
        case other:
            return other


def _when(moment: dt.datetime | None) -> str:
    return "at once" if moment is None else f"after {moment:%H:%M:%S} UTC"


def _page(settings: Settings, mesh: Mesh) -> metadata.Value:
    link = page_of_mesh(settings, mesh.mesh_id)
    return dg.MetadataValue.url(link) if link else f"/meshes/{mesh.mesh_id} on the map's address"


def _file_table(settings: Settings, mesh: Mesh, files: list[MeshFile]) -> str:
    lines = ["| file | bytes |", "|---|---:|"]
    for file in files:
        path = result_path(mesh.mesh_id, file.name)
        # without the page's address a link would lead into Dagster's own UI
        link = f"[{file.name}]({settings.public_url}{path})" if settings.public_url else file.name
        lines.append(f"| {link} | {file.size_bytes:,} |")
    return "\n".join(lines)


def _in_markdown(name: str) -> str:
    """A name that a person gave, as plain text in Markdown."""
    return "".join(" " if sign in "[]()!|\\`<>\n" else sign for sign in name)
