"""Commands for jobs: request a big rebuild, watch it, cancel it, resume it."""

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli.common import (
    Json,
    opened_context,
    print_json,
    print_line,
    print_note,
)
from trackflow.cli.job_runs import run_here
from trackflow.errors import SettingsError

if TYPE_CHECKING:
    from trackflow.context import Context
    from trackflow.usecases.jobs.control import Job

jobs_app = typer.Typer(
    help="Jobs: long pieces of work that can be watched, cancelled and resumed.",
    no_args_is_help=True,
)

JobId = Annotated[str, typer.Argument(help="As listed.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command(epilog="Example: trackflow rebuild --from 2026-01-01 --to 2026-01-31")(rebuild)
    app.add_typer(jobs_app, name="jobs")


def rebuild(
    first: Annotated[
        str | None, typer.Option("--from", help="First day, such as 2026-01-31.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, included.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="Only this device.")] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave the work to a running service.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Recompute some days as a job: Ctrl-C cancels it, `jobs resume` goes on."""
    from trackflow.usecases.jobs.kinds import queue_job

    with opened_context() as context:
        job = queue_job(context, "rebuild", {"from": first, "to": last, "device": device})
        if queue:
            print_job(job, as_json)
        else:
            run_to_end(context, job, as_json, "batches")


@jobs_app.command("list", epilog="Example: trackflow jobs list --json")
def list_jobs(as_json: Json = False) -> None:
    """Show the newest jobs."""
    from trackflow.usecases.jobs.control import recent_jobs
    from trackflow.usecases.jobs.kinds import as_dict

    with opened_context() as context:
        found = recent_jobs(context)
    if as_json:
        print_json([as_dict(job) for job in found])
        return
    for job in found:
        print_line(_line(job))
    if not found:
        print_line("There are no jobs.")


@jobs_app.command("show", epilog="Example: trackflow jobs show 0b7c2a3e-…")
def show(job_id: JobId, as_json: Json = False) -> None:
    """Show the progress and the result of a job."""
    from trackflow.usecases.jobs.control import read_job

    with opened_context() as context:
        found = read_job(context, _id(job_id))
    print_job(found, as_json)


@jobs_app.command("cancel", epilog="Example: trackflow jobs cancel 0b7c2a3e-…")
def cancel(job_id: JobId, as_json: Json = False) -> None:
    """Stop a job after its current slice; finished slices stay."""
    from trackflow.usecases.jobs.control import cancel_job

    with opened_context() as context:
        found = cancel_job(context, _id(job_id))
    print_job(found, as_json)


@jobs_app.command("resume", epilog="Example: trackflow jobs resume 0b7c2a3e-…")
def resume(
    job_id: JobId,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave the work to a running service.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Go on with a job where it stopped."""
    from trackflow.usecases.jobs.control import resume_job

    with opened_context() as context:
        found = resume_job(context, _id(job_id))
        if queue:
            print_job(found, as_json)
        else:
            run_to_end(context, found, as_json, "pieces")


def run_to_end(context: "Context", job: "Job", as_json: bool, items: str) -> None:
    """Run a job here; Ctrl-C cancels it, so that no worker resumes it without a request.

    Args:
        context: the store and engines.
        job: that waits.
        as_json: for programs.
        items: what the bar counts.
    """
    from trackflow.usecases.jobs.control import JobStatus, read_job

    ended = run_here(context, job, items, lambda now: now.completed)
    if ended is None:
        ended = read_job(context, job.job_id)
        if ended.status is JobStatus.RUNNING:
            print_note("Another worker is at it.")
    print_job(ended, as_json)
    if ended.status is JobStatus.FAILED or ended.failed:
        raise typer.Exit(1)


def print_job(job: "Job", as_json: bool) -> None:
    """Print a job for people or programs."""
    from trackflow.usecases.jobs.kinds import as_dict

    if as_json:
        print_json(as_dict(job))
        return
    print_line(_line(job))
    if job.error:
        print_note(job.error)


def _line(job: "Job") -> str:
    parameters = " ".join(f"{name} {value}" for name, value in job.parameters.items() if value)
    done = f", {job.completed:,} of {job.total:,}" if job.total is not None else ""
    left = f", {job.seconds_left:,.0f} s left" if job.seconds_left is not None else ""
    message = f": {job.message}" if job.message else ""
    what = f"{job.kind} {parameters}".rstrip()
    return f"{job.job_id}  {what}  {job.status.value}{done}{left}{message}"


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise SettingsError(f"{text!r} is no job; see `trackflow jobs list`") from None
