"""Commands for meshes."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackflow.cli.common import (
    Json,
    opened_context,
    plain,
    print_json,
    print_line,
    print_note,
)
from trackflow.cli.job_runs import run_here
from trackflow.cli.mesh_parameters import ParameterOptions, with_parameter_options
from trackflow.errors import SettingsError, TrackflowError

if TYPE_CHECKING:
    from trackflow.context import Context
    from trackflow.usecases.jobs.control import Job
    from trackflow.usecases.meshes.control import Mesh

mesh_app = typer.Typer(help="3D meshes from images.", no_args_is_help=True)

MeshId = Annotated[str, typer.Argument(help="As listed.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Project = Annotated[str | None, typer.Option("--project", help="Of this project.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(mesh_app, name="mesh")


@mesh_app.command("generate", epilog="Example: trackflow mesh generate height-map.png --solid")
@with_parameter_options
def generate(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    parameters: ParameterOptions,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the files; by default, that of each image."),
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Keep the meshes in the store, as a batch.")
    ] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Make a mesh of each image: GLB, thumbnail and what else is asked for."""
    from trackflow.cli.mesh_files import generate_files

    if store and out is not None:
        raise SettingsError("--store keeps the files in the store: leave out --out")
    if store:
        _generate_in_store(images, parameters, project, as_json)
        return
    results, failed = generate_files(images, parameters, out)
    if as_json:
        print_json(results)
    if failed:
        raise typer.Exit(1)


def _generate_in_store(
    paths: list[Path], parameters: ParameterOptions, project: str | None, as_json: bool
) -> None:
    from trackflow.usecases.jobs.kinds import queue_job
    from trackflow.usecases.meshes.batching import KIND
    from trackflow.usecases.meshes.requests import MeshRequest, save_image

    with opened_context() as context:
        keys = []
        for path in paths:
            request = MeshRequest(
                image=_read(path), name=path.name, parameters=parameters, project=project
            )
            keys.append(save_image(context, request))
        wanted = {"images": keys, "parameters": parameters, "project": project}
        _run_job(context, queue_job(context, KIND, wanted), as_json)


@mesh_app.command("list", epilog="Example: trackflow mesh list --status failed")
def list_meshes(
    status: Annotated[str | None, typer.Option("--status", help="Of this status.")] = None,
    project: Project = None,
    image: Annotated[str | None, typer.Option("--image", help="Of this image key.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show the newest meshes."""
    from trackflow.cli.common import choice
    from trackflow.usecases.meshes import control
    from trackflow.usecases.meshes.control import MeshStatus

    wanted = [MeshStatus(choice(status, [s.value for s in MeshStatus], "status"))] if status else []
    with opened_context() as context:
        found = control.list_meshes(
            context, statuses=wanted, project=project, image_key=image, limit=limit
        )
    _print_meshes(found, as_json)


@mesh_app.command("status", epilog="Example: trackflow mesh status 0b7c2a3e-…")
def status(
    mesh_id: Annotated[
        str | None, typer.Argument(help="A mesh; by default, all of them in numbers.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a mesh, or how all meshes stand."""
    from trackflow.usecases.meshes import control
    from trackflow.usecases.meshes.figures import figures_of, waiting_s

    with opened_context() as context:
        if mesh_id is None:
            figures = figures_of(context)
            age_s = waiting_s(context, figures)
            if as_json:
                print_json({**plain(figures), "queue_age_s": age_s})
                return
            counts = ", ".join(f"{n:,} {name.value}" for name, n in figures.by_status.items())
            print_line(f"{figures.images:,} images, meshes: {counts or 'none'}")
            print_line(f"{figures.stored_bytes:,} bytes stored; the queue waits {age_s:,.0f} s")
            return
        mesh = control.read_mesh(context, mesh_id)
        files = control.files_of_mesh(context, mesh_id)
    if as_json:
        print_json({**control.as_dict(mesh), "files": plain(files)})
        return
    print_line(_line(mesh))
    for file in files:
        print_line(f"  {file.name}: {file.size_bytes:,} bytes")
    if mesh.error_message:
        print_note(mesh.error_message)


@mesh_app.command("retry", epilog="Example: trackflow mesh retry 0b7c2a3e-…")
def retry(
    mesh_ids: Annotated[list[str] | None, typer.Argument(help="As listed.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave the work to a running service.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make failed or cancelled meshes again."""
    from trackflow.usecases.meshes import control
    from trackflow.usecases.meshes.running import run_due_meshes
    from trackflow.usecases.meshes.tools import opened_tools

    if bool(mesh_ids) == failed:
        raise SettingsError("name meshes, or write --failed")
    with opened_context() as context:
        again = (
            control.retry_failed(context)
            if failed
            else control.retry_meshes(context, mesh_ids or [])
        )
        if not queue and again:
            with opened_tools(context) as tools:
                for mesh in again:
                    run_due_meshes(context, tools.generator, mesh_id=mesh.mesh_id)
        found = [control.read_mesh(context, mesh.mesh_id) for mesh in again]
    _print_meshes(found, as_json)
    if any(mesh.error_message for mesh in found):
        raise typer.Exit(1)


@mesh_app.command("cancel", epilog="Example: trackflow mesh cancel 0b7c2a3e-…")
def cancel(mesh_id: MeshId, as_json: Json = False) -> None:
    """Cancel a mesh that waits or is being made."""
    from trackflow.usecases.meshes import control

    with opened_context() as context:
        mesh = control.cancel_mesh(context, mesh_id)
    _print_meshes([mesh], as_json)


@mesh_app.command("sync", epilog="Example: trackflow mesh sync --dry-run")
def sync(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Make what is missing or stale of the images of the inbox, the catalogue and uploads."""
    from trackflow.usecases.jobs.kinds import queue_job
    from trackflow.usecases.meshes.sync import KIND, rehearse_sync

    with opened_context() as context:
        if not dry_run:
            _run_job(context, queue_job(context, KIND, {"trigger": "cli"}), as_json)
            return
        report = rehearse_sync(context)
    if as_json:
        print_json(report)
    else:
        print_line(report.to_markdown())


@mesh_app.command("cleanup", epilog="Example: trackflow mesh cleanup --dry-run")
def cleanup(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Delete old failed and retired meshes, and files that belong to nothing."""
    from trackflow.usecases.meshes.cleanup import clean_all

    with opened_context() as context:
        report = clean_all(context, dry_run=dry_run)
    if as_json:
        print_json(report)
    else:
        print_line(report.to_markdown())
    if report.problems:
        raise typer.Exit(1)


@mesh_app.command("report", epilog="Example: trackflow mesh report --month 2026-01")
def report(
    month: Annotated[
        str | None, typer.Option("--month", help="Such as 2026-01; by default, this month.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a month's meshes took, project by project."""
    from trackflow.geo.periods import month_named
    from trackflow.usecases.meshes.usage import usage_of

    wanted = month_named(month).first if month else dt.datetime.now(dt.UTC).date()
    with opened_context() as context:
        found = usage_of(context, wanted)
    if as_json:
        print_json(found)
    else:
        print_line(found.to_markdown())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None


def _run_job(context: "Context", job: "Job", as_json: bool) -> None:
    """Run a job here; Ctrl-C cancels it, and `jobs resume` goes on."""
    from trackflow.usecases.jobs.control import JobStatus
    from trackflow.usecases.jobs.kinds import as_dict

    ended = run_here(context, job, "meshes", lambda now: now.completed + now.failed)
    if ended is None:
        raise TrackflowError(f"another worker has the job: `trackflow jobs show {job.job_id}`")
    if as_json:
        print_json({**as_dict(ended), "meshes": _meshes_of(context, ended)})
    else:
        print_line(f"{ended.job_id}: {ended.message}")
        for mesh in _meshes_of(context, ended):
            print_line(f"  {mesh['mesh_id']}  {mesh['image_name']}  {mesh['status']}")
            if mesh["error_message"]:
                print_note(f"{mesh['image_name']}: {mesh['error_message']}")
    if ended.error:
        print_note(ended.error)
    if ended.status is JobStatus.FAILED or ended.failed:
        raise typer.Exit(1)


def _meshes_of(context: "Context", job: "Job") -> list[dict[str, Any]]:
    from trackflow.usecases.meshes import control

    found = control.list_meshes(context, batch_id=job.job_id, limit=control.MOST_LISTED)
    return [control.as_dict(mesh) for mesh in reversed(found)]


def _print_meshes(found: "list[Mesh]", as_json: bool) -> None:
    from trackflow.usecases.meshes.control import as_dict

    if as_json:
        print_json([as_dict(mesh) for mesh in found])
        return
    for mesh in found:
        print_line(_line(mesh))
        if mesh.error_message:
            print_note(f"{mesh.image_name}: {mesh.error_message}")
    if not found:
        print_line("There are no meshes.")


def _line(mesh: "Mesh") -> str:
    made = ""
    if mesh.report:
        made = f", {mesh.report['triangle_count']:,} triangles, {mesh.size_bytes:,} bytes"
    running = f" {mesh.progress:.0%} {mesh.step}" if mesh.status.value == "running" else ""
    tries = f", {mesh.tries} failed tries" if mesh.tries else ""
    return f"{mesh.mesh_id}  {mesh.image_key}  {mesh.status.value}{running}{made}{tries}"
