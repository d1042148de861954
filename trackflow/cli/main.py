"""The `trackflow` command: arguments in, one use case of `pipeline` called, its result printed.

Nothing heavy is imported here at the top: `trackflow --help` should answer at once.
"""

import datetime as dt
import logging
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from trackflow import __version__
from trackflow.cli import catalogue, devices, housekeeping, intake, jobs, quarantine
from trackflow.cli.common import Json, err, out, plain
from trackflow.cli.common import choice as _choice
from trackflow.cli.common import days_between as _days
from trackflow.cli.common import opened_context as _work
from trackflow.cli.common import print_json as _print_json
from trackflow.cli.common import progress_bar as _progress
from trackflow.cli.common import say as _say
from trackflow.errors import SettingsError, TrackflowError
from trackflow.geo.time import midnight
from trackflow.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackflow.tracks.notices import Notice
    from trackflow.usecases.days.report import RunReport

app = typer.Typer(
    help="GPS points in, road-matched tracks out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
network_app = typer.Typer(help="Road networks from OpenStreetMap extracts.", no_args_is_help=True)
app.add_typer(network_app, name="network")

LOCALHOST = "127.0.0.1"

MOST_NOTICES = 20
"""Notices that are printed; those with the most points come first."""

Device = Annotated[str | None, typer.Option("--device", help="Only this device.")]
From = Annotated[str | None, typer.Option("--from", help="First day, such as 2026-01-31.")]
Port = Annotated[int, typer.Option(help="Port of the map and the API.")]
DagsterPort = Annotated[int, typer.Option(help="Port of the Dagster UI, on this machine only.")]
To = Annotated[str | None, typer.Option("--to", help="Last day, included.")]

FEW_NAMES = 5
"""Devices that are named one by one where many are alike."""


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"trackflow {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """GPS points in, road-matched tracks out."""


def main() -> None:
    """Run the command; errors are one clear line and exit code 1, never a traceback."""
    # httpx logs every request's address at INFO, and OSRM's hold people's positions
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where a closed pipe can be dealt with; not at exit
    except TrackflowError as error:
        err.print(f"trackflow: {error}", markup=False, soft_wrap=True)
        sys.exit(1)
    except BrokenPipeError:
        # the reader has had enough (`| head`); what is left in the buffer must not be written at
        # exit, where the same error would be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@network_app.command(
    "build", epilog="Example: trackflow network build finland-latest.osm.pbf --profile car"
)
def network_build(
    extract: Annotated[
        Path,
        typer.Argument(help="An extract: .osm.pbf, .osm, .osm.gz or .osm.bz2.", show_default=False),
    ],
    profile: Annotated[str, typer.Option(help="car, bicycle or foot.")] = "car",
    as_json: Json = False,
) -> None:
    """Build a road network and match on it from now on."""
    from trackflow.usecases.roads.networks import build

    with _work() as context:
        network, is_new = build(context, extract, profile, _say)
    if as_json:
        _print_json(plain(network) | {"new": is_new})
        return
    west, south, east, north = network.extent
    out.print(
        f"{profile} network {network.version} of {network.source_name}: "
        f"{network.size_bytes / 1e6:,.1f} MB, {west:.3f} to {east:.3f} E, "
        f"{south:.3f} to {north:.3f} N" + ("" if is_new else " (in use already)"),
        markup=False,
        soft_wrap=True,
    )


@app.command(epilog="Example: trackflow run --from 2026-01-01 --to 2026-01-31 --mode bulk")
def run(
    first: From = None,
    last: To = None,
    device: Device = None,
    mode: Annotated[
        str,
        typer.Option(
            help="incremental: what is pending; bulk: everything again; daily: yesterday, or the "
            "day before until six hours after midnight."
        ),
    ] = "incremental",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try batches again that have been given up.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Work on batches: cut segments, match them to roads, merge tracks."""
    from trackflow.usecases.days import run as running
    from trackflow.usecases.days.notices import notices_of_run

    start, end = _days(first, last)
    chosen = _choice(mode, [m.value for m in running.Mode], "mode")
    with _work() as context, _progress("batches") as progress:
        if retry_failed:
            running.retry_failed(context)
        report = running.run(
            context,
            mode=running.Mode(chosen),
            first=start,
            last=end,
            device_id=device,
            progress=progress,
        )
        notices = notices_of_run(context, report)
    if as_json:
        _print_json(report.stages)
    else:
        _print_run(report)
        _print_notices(notices)
    if report.problems:
        raise typer.Exit(1)


def _print_run(report: "RunReport") -> None:
    from trackflow.usecases.days.report import counted, distinct_messages

    _print_resting(report)
    if not any(stage.days for stage in report.stages):
        if report.given_up:
            out.print(
                f"{counted(report.given_up, 'day')} of devices failed too often and will not be "
                "tried again: `trackflow status` says why, `trackflow run --retry-failed` tries.",
                soft_wrap=True,
            )
        elif not report.resting:
            out.print("There is nothing to do.")
        return
    segmented, matched, tracked = (report[s] for s in ("segmented", "matched", "tracked"))
    for stage, verb, parts in (
        (
            segmented,
            "cut into segments",
            [
                counted(segmented.total("points"), "point"),
                counted(segmented.total("segments"), "segment"),
            ],
        ),
        (
            matched,
            "matched to roads",
            [
                counted(matched.total("windows"), "window"),
                f"{matched.total('cached_windows'):,} from the cache",
                f"{matched.total('raw_windows'):,} kept raw",
            ],
        ),
        (
            tracked,
            "merged",
            [
                counted(tracked.total("tracks"), "track"),
                f"{tracked.total('distance_mm') / 1e6:,.1f} km",
            ],
        ),
    ):
        line = f"{counted(len(stage.done), 'day')} {verb}"
        if stage.done:
            line += f" ({', '.join(parts)}, {stage.seconds:.1f} s)"
        for days, what in ((stage.errors, "failed"), (stage.deferred, "waiting")):
            if days:
                line += f", {len(days):,} {what}"
        out.print(line, soft_wrap=True)
    for message in distinct_messages(report.problems):
        err.print(f"trackflow: {message}", markup=False, soft_wrap=True)


def _print_resting(report: "RunReport") -> None:
    """Say what waits for its next try, when that is, and why the last one failed."""
    from trackflow.usecases.days.report import counted

    if not report.resting:
        return
    soonest = report.resting[0]
    out.print(
        f"{counted(len(report.resting), 'day')} of devices failed and wait for their next try, the "
        f"first at {soonest.next_try_at:%Y-%m-%d %H:%M:%S} UTC:",
        soft_wrap=True,
    )
    for message, count in Counter(one.message for one in report.resting).most_common():
        text = f"  {message} ({counted(count, 'batch', 'batches')})"
        out.print(text, markup=False, soft_wrap=True)


@app.command(epilog="Example: trackflow follow --json")
def follow(as_json: Json = False) -> None:
    """Read what is new in an existing SQL table, which is never changed.

    TRACKFLOW_FOLLOW_URL is its database (PostgreSQL or SQLite), TRACKFLOW_FOLLOW_TABLE its name if
    it is not markers. Columns: id, username, coords, created_at. Coordinates are longitude first;
    TRACKFLOW_FOLLOW_ORDER=latlon says otherwise.
    """
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.intake import following

    with _work() as context:
        report = following.follow(context)
    if as_json:
        _print_json(report)
        return
    parts = [f"{counted(report.rows, 'row')} read", intake.counts(report.accepted)]
    if report.late:
        parts.append(f"{report.late:,} committed late")
    out.print(f"{report.source}: {', '.join(parts)}", markup=False, soft_wrap=True)
    if report.reasons:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.reasons.most_common())
        out.print(f"  refused: {reasons}", markup=False, soft_wrap=True)


@app.command(epilog="Example: trackflow status --json")
def status(as_json: Json = False) -> None:
    """Show what is stored, what waits and what went wrong."""
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.housekeeping.status import read_status

    with _work() as context:
        state = read_status(context)
        store_name = context.store.name
    if as_json:
        _print_json(state)
        return
    span = f"{state.first_point:%Y-%m-%d} to {state.last_point:%Y-%m-%d}" if state.points else ""
    quarantined = ", ".join(f"{count:,} {reason}" for reason, count in state.quarantined.items())
    for name, value in (
        ("store", store_name),
        ("points", f"{state.points:,} of {counted(state.devices, 'device')}, {span}".rstrip(", ")),
        ("quarantined", quarantined or "none"),
        ("batches", ", ".join(f"{count:,} {name}" for name, count in state.batches.items())),
        ("tracks", f"{state.tracks:,}, {state.distance_km:,.1f} km"),
        *([("outdated", _outdated(state.outdated_days))] if state.outdated_days else []),
        ("windows", f"{state.windows:,} cached, {state.raw_windows:,} of them raw"),
        *(
            ("network", f"{n['profile']}: {n['source_name']}, version {n['version']}")
            for n in state.networks
        ),
    ):
        out.print(f"{name:<11}  {value}", markup=False, soft_wrap=True)
    for message in state.messages:
        tries = f" after {counted(message.tries, 'try', 'tries')}" if message.tries else ""
        if message.next_try_at:
            tries += f", next try at {message.next_try_at:%Y-%m-%d %H:%M:%S} UTC"
        out.print(
            f"{message.device_id} {message.day} is {message.status}{tries}: {message.message}",
            markup=False,
            soft_wrap=True,
        )
    for preset in sorted({found.guess.preset for found in state.looks_like}):
        alike = [found for found in state.looks_like if found.guess.preset == preset]
        names = ", ".join(found.device_id for found in alike[:FEW_NAMES])
        if len(alike) > 1:
            more = f" and {len(alike) - FEW_NAMES} more" if len(alike) > FEW_NAMES else ""
            text = f"{names}{more} look like: {preset}"
        else:
            text = f"{names} looks like: {preset} ({alike[0].guess.why})"
        out.print(text, markup=False, soft_wrap=True)
    _print_notices(state.notices)


def _print_notices(notices: "Sequence[Notice]") -> None:
    for notice in notices[:MOST_NOTICES]:
        out.print(f"{notice}\n  {notice.advice}", markup=False, soft_wrap=True)
    if len(notices) > MOST_NOTICES:
        more = len(notices) - MOST_NOTICES
        out.print(f"... and {more:,} more notices: `trackflow status --json` has all of them.")


def _outdated(days: int) -> str:
    from trackflow.usecases.days.report import counted

    return f"{counted(days, 'day')} made without roads or on others; the next run matches them"


@app.command(epilog="Example: trackflow verify --device van-7")
def verify(device: Device = None, as_json: Json = False) -> None:
    """Compute everything again in one pass and compare it with what is stored."""
    from trackflow.usecases.days.verify import verify as verify_store

    with _work() as context, _progress("devices") as progress:
        report = verify_store(context, device_id=device, progress=progress)
    if as_json:
        _print_json(plain(report) | {"ok": report.ok})
    else:
        for line in report.lines():
            out.print(line, markup=False, soft_wrap=True)
    if not report.ok:
        raise typer.Exit(1)


@app.command(epilog="Example: trackflow explain van-7 2026-01-31T08:15:00Z")
def explain(
    device: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    time: Annotated[str, typer.Argument(help="A time; UTC without offset.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say what became of a point, and by which rule."""
    from trackflow.usecases.days.explaining import explain_moment

    with _work() as context:
        explanation = explain_moment(context, device, _moment(time))
    if as_json:
        _print_json(explanation.as_dict())
    else:
        out.print(str(explanation), markup=False, soft_wrap=True)


@app.command(epilog="Example: trackflow export tracks --format gpx --device van-7 -o van-7.gpx")
def export(
    what: Annotated[str, typer.Argument(help="tracks, points or visits.", show_default=False)],
    file_format: Annotated[
        str | None, typer.Option("--format", help="geojson, gpx, csv or geoparquet.")
    ] = None,
    first: From = None,
    last: To = None,
    device: Device = None,
    line: Annotated[
        str | None, typer.Option(help="matched or raw lines; matched by default, raw in GPX.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of the terminal.")
    ] = None,
) -> None:
    """Write tracks, points or visits as GeoJSON, GPX, CSV or GeoParquet."""
    from trackflow.exports import writing as ex
    from trackflow.usecases.days.report import counted

    by_name = ex.format_of(output) if output else None
    name = file_format or (by_name or ex.ExportFormat.GEOJSON).value
    chosen = ex.ExportFormat(_choice(name, [f.value for f in ex.ExportFormat], "format"))
    wanted = ex.ExportSubject(_choice(what, [w.value for w in ex.ExportSubject], "export"))
    lines = ex.LineSource(_choice(line, [x.value for x in ex.LineSource], "line")) if line else None
    start, end = _days(first, last)
    selection = ex.RowFilter(
        first=midnight(start) if start else None,
        last=midnight(end + dt.timedelta(days=1)) if end else None,
        device_id=device,
    )
    with _work() as context:
        if output is None:
            ex.export(context, wanted, chosen, selection, sys.stdout.buffer, lines)
            return
        count = ex.export_to_file(context, wanted, chosen, selection, output, lines)
    noun = counted(count, wanted.removesuffix("s"))
    err.print(f"{noun} in {output}", markup=False, soft_wrap=True)


@app.command(epilog="Example: trackflow demo --no-serve")
def demo(
    serve_it: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the result, or stop after printing.")
    ] = True,
    port: Port = 8000,
    dagster_port: DagsterPort = 3000,
    as_json: Json = False,
) -> None:
    """See a simulated fleet on real roads: network, import, Dagster run, tracks, scores."""
    from trackflow.demo.show import demo_settings, run_demo, summary
    from trackflow.serving import check_address

    if serve_it:
        check_address(LOCALHOST, port)  # now, not after a minute's work
        check_address(LOCALHOST, dagster_port, "--dagster-port")
    settings = demo_settings(Settings.from_env())
    result = run_demo(settings, _say)
    if as_json:
        ratios = ("recall", "precision", "mismatch", "length_ratio")
        _print_json(plain(result) | {name: getattr(result.score, name) for name in ratios})
    else:
        table = Table(show_header=False, box=None, pad_edge=False)
        for name, value in summary(result):
            table.add_row(name, value)
        out.print(table)
    if not result.identical:
        raise typer.Exit(1)
    if serve_it:
        last = result.status.last_point
        # the API is a program of its own, which finds the store by its environment
        os.environ |= {
            "TRACKFLOW_HOME": str(settings.home),
            "TRACKFLOW_DATABASE_URL": settings.database_url,
            "TRACKFLOW_ENGINE_URL": settings.engine_url,
        }
        _serve(settings, LOCALHOST, port, dagster_port, last.date() if last else None)


@app.command(epilog="Example: trackflow serve --port 8000")
def serve(
    host: Annotated[
        str, typer.Option(help="Address of the map and the API; others than this need a token.")
    ] = LOCALHOST,
    port: Port = 8000,
    dagster_port: DagsterPort = 3000,
    with_dagster: Annotated[
        bool, typer.Option("--dagster/--no-dagster", help="Dagster as well, or the API alone.")
    ] = True,
) -> None:
    """Serve the map page and the API, with Dagster's UI and daemon beside them."""
    from trackflow.web.server import access_line, check_exposure, serve_api

    settings = Settings.from_env()
    if not with_dagster:
        with _work() as context:
            check_exposure(context, host)
            _say(access_line(context, host))
        serve_api(settings, host, port)
        return
    with _work() as context:
        check_exposure(context, host)
    _serve(settings, host, port, dagster_port)


def _serve(
    settings: Settings, host: str, port: int, dagster_port: int, day: dt.date | None = None
) -> None:
    from trackflow import serving
    from trackflow.context import Context
    from trackflow.web.server import access_line

    def ready() -> None:
        out.print(f"Map:        {serving.address(host, port)}", soft_wrap=True)
        with Context.open(settings) as context:
            out.print(access_line(context, host), markup=False, soft_wrap=True)
        dagster = serving.address(LOCALHOST, dagster_port)
        out.print(f"Dagster UI: {dagster}", soft_wrap=True)
        tracks = f"{dagster}/assets/tracks"
        chosen = f"&partition={day}" if day else ""
        for what, url in (
            ("a day's numbers and its picture", f"{tracks}?view=partitions{chosen}"),
            ("what is made of what", f"{tracks}?view=lineage&lineageScope=upstream&lineageDepth=5"),
            ("what starts by itself", f"{dagster}/automation"),
        ):
            out.print(f"  {what + ':':<33}{url}", soft_wrap=True)
        out.print("Ctrl-C stops it.")

    _say("Starting ...")
    serving.serve(settings, host, port, dagster_port, ready, _say)


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r} is not a time; write 2026-01-31T08:15:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


intake.add_to(app)
devices.add_to(app)
housekeeping.add_to(app)
jobs.add_to(app)
quarantine.add_to(app)
catalogue.add_to(app)


if __name__ == "__main__":
    main()
