"""Commands for the catalogue of race tracks."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli import race_tracks
from trackflow.cli.common import (
    Json,
    opened_context,
    print_json,
    print_line,
    print_note,
    progress_bar,
)
from trackflow.cli.race_tracks import Source, name_of
from trackflow.errors import SettingsError, TrackflowError

if TYPE_CHECKING:
    from trackflow.context import Context
    from trackflow.usecases.catalogue.report import SyncReport
    from trackflow.usecases.catalogue.status import CatalogueStatus
    from trackflow.usecases.jobs.control import Job

catalogue_app = typer.Typer(
    help="The catalogue of race tracks, kept in step with its sources.", no_args_is_help=True
)

SyncId = Annotated[
    str | None, typer.Argument(help="Of the sync; the last one by default.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    race_tracks.add_to(catalogue_app)
    app.add_typer(catalogue_app, name="catalogue")


@catalogue_app.command(epilog="Example: trackflow catalogue sync --source liverc")
def sync(
    source: Source = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Even if more than a tenth of the tracks are missing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the catalogue in step with its source; an interrupted sync is resumed."""
    from trackflow.usecases.catalogue.report import SyncReport, file_of
    from trackflow.usecases.jobs.control import JobStatus
    from trackflow.usecases.jobs.kinds import queue_job, run_job

    with opened_context() as context:
        parameters = {"source": source, "trigger": "cli", "approve": approve}
        job = queue_job(context, "catalogue_sync", parameters)
        with progress_bar("pages") as progress, _stoppable(context, job):

            def show_progress(now: "Job") -> None:
                if now.total:
                    progress(now.parameters["source"], now.completed, now.total)

            ended = run_job(context, job.job_id, on_change=show_progress)
        if ended is None or ended.result is None:
            raise TrackflowError(
                (ended and ended.error)
                or f"another worker has taken the job over; see `trackflow jobs show {job.job_id}`"
            )
        report = SyncReport.from_dict(ended.result)
        if as_json:
            print_json(report.as_dict())
        else:
            print_line(report.summary)
            print_note(f"The report is in {file_of(context, report)}.")
    if ended.status is not JobStatus.COMPLETED:
        raise typer.Exit(1)


@catalogue_app.command(epilog="Example: trackflow catalogue status --json")
def status(source: Source = None, as_json: Json = False) -> None:
    """Show the state of the catalogue: tracks, the last sync, a running one."""
    from trackflow.usecases.catalogue.status import status as status_of
    from trackflow.usecases.jobs.kinds import as_dict

    with opened_context() as context:
        found = status_of(context, name_of(context, source))
    if as_json:
        running = None if found.running is None else as_dict(found.running)
        last = None if found.last is None else found.last.as_dict()
        values = {name: getattr(found, name) for name in type(found).__dataclass_fields__}
        print_json(values | {"running": running, "last": last})
        return
    for line in _status_lines(found):
        print_line(line)


@catalogue_app.command(epilog="Example: trackflow catalogue report > report.md")
def report(sync_id: SyncId = None, source: Source = None, as_json: Json = False) -> None:
    """Print the report of a sync as Markdown."""
    from trackflow.usecases.catalogue.report import read_report, write_missing_files

    with opened_context() as context:
        name = name_of(context, source)
        found = (
            _last_report(context, name) if sync_id is None else read_report(context, _id(sync_id))
        )
        write_missing_files(context, name)
    if as_json:
        print_json(found.as_dict())
    else:
        print_line(found.to_markdown().rstrip("\n"))


@catalogue_app.command(epilog="Example: trackflow catalogue undo 0b7c2a3e-…")
def undo(sync_id: SyncId = None, source: Source = None, as_json: Json = False) -> None:
    """Undo the changes of a sync; every row gets its earlier values back."""
    from trackflow.usecases.catalogue import undo as catalogue_undo

    with opened_context() as context:
        wanted = (
            catalogue_undo.last_to_undo(context, name_of(context, source))
            if sync_id is None
            else _id(sync_id)
        )
        rows = catalogue_undo.undo(context, wanted)
    if as_json:
        print_json({"sync_id": str(wanted), "rows": rows})
    else:
        print_line(f"The sync {wanted} is undone: {rows:,} rows are again what they were.")


@catalogue_app.command(epilog="Example: trackflow catalogue stop --reason 'they asked us to'")
def stop(
    source: Source = None,
    reason: Annotated[str, typer.Option("--reason", help="For reports.")] = "stopped by hand",
) -> None:
    """Throw the kill switch of a source's site: no process requests anything from it."""
    from trackflow.usecases.catalogue import sources
    from trackflow.usecases.housekeeping import kill_switches

    with opened_context() as context:
        site = sources.source_named(context.settings, source).site
        kill_switches.stop_everything(context, site, reason)
    print_line(f"{site} is switched off; `trackflow catalogue allow` switches it on again.")


@catalogue_app.command(epilog="Example: trackflow catalogue allow")
def allow(source: Source = None) -> None:
    """Switch a source's site on again."""
    from trackflow.usecases.catalogue import sources
    from trackflow.usecases.housekeeping import kill_switches

    with opened_context() as context:
        site = sources.source_named(context.settings, source).site
        was_off = kill_switches.allow_again(context, site)
    print_line(f"{site} is switched on again." if was_off else f"{site} was not switched off.")


@catalogue_app.command(epilog="Example: trackflow catalogue locate")
def locate(as_json: Json = False) -> None:
    """Find coordinates of tracks that have only an address, if a geocoder is set up."""
    from trackflow.usecases.places.geocoding import geocode

    with opened_context() as context:
        if not (context.settings.geocoder_url or context.settings.geocoder_file):
            raise SettingsError("set TRACKFLOW_GEOCODER_URL or TRACKFLOW_GEOCODER_FILE first")
        with progress_bar("addresses") as progress:
            found = geocode(context, lambda done, total: progress("locate", done, total))
    if as_json:
        print_json(found)
        return
    for failure in found.failures:
        print_note(failure)
    print_line(
        f"{found.found:,} of {found.tracks:,} tracks without coordinates have a place; "
        f"addresses requested: {found.asked:,}, tracks with an unknown address: "
        f"{found.unknown:,}, without one: {found.without_address:,}"
    )


@catalogue_app.command(epilog="Example: trackflow catalogue visits")
def visits(as_json: Json = False) -> None:
    """Find which devices stayed at which tracks, on days that have changed."""
    from trackflow.usecases.places.visits import update_visits

    with opened_context() as context, progress_bar("device-days") as progress:
        found = update_visits(context, lambda done, total: progress("visits", done, total))
    if as_json:
        print_json(found)
    elif not found.places:
        print_line("No track's place is known: run `trackflow catalogue locate` or sync a source.")
    else:
        print_line(
            f"{found.device_days:,} device-days looked at, {found.changed:,} visits differ; "
            "`trackflow export visits` writes them"
        )


@contextmanager
def _stoppable(context: "Context", job: "Job") -> Iterator[None]:
    """Cancel the job on Ctrl-C, so that no worker resumes it without a request."""
    from trackflow.usecases.jobs.control import stop_job_here

    try:
        yield
    except KeyboardInterrupt:
        stop_job_here(context, job.job_id)
        raise TrackflowError("stopped; the next `trackflow catalogue sync` goes on") from None


def _last_report(context: "Context", source: str) -> "SyncReport":
    from trackflow.errors import NotFoundError
    from trackflow.usecases.catalogue.report import last_reports

    found = last_reports(context, source, 1)
    if not found:
        raise NotFoundError(f"there was no sync of {source}; run `trackflow catalogue sync`")
    return found[0]


def _status_lines(found: "CatalogueStatus") -> Iterator[str]:
    missed = f", {found.missed:,} of them missed by the last list" if found.missed else ""
    yield f"{found.source}: {found.active:,} tracks{missed}; {found.inactive:,} not listed any more"
    if found.last is not None:
        ended = f"{found.last.finished_at:%Y-%m-%d %H:%M} UTC"
        yield f"last sync ({ended}, {found.last.sync_id}): {found.last.summary}"
    else:
        yield "no sync yet: run `trackflow catalogue sync`"
    if found.running is not None:
        job = found.running
        of = f"{job.completed:,} of {job.total:,} pages" if job.total is not None else "the list"
        left = f", {job.seconds_left:,.0f} s left" if job.seconds_left is not None else ""
        yield f"running or interrupted: {of}{left} (job {job.job_id}, {job.status.value})"
    if found.switched_off is not None:
        yield f"{found.site} is switched off: {found.switched_off}"


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise SettingsError(f"{text!r} is no sync; see `trackflow catalogue status`") from None
