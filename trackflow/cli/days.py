"""Commands for days: process them, show their status, verify and explain them."""

import datetime as dt
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow import logs
from trackflow.cli.common import (
    Device,
    FirstDay,
    Json,
    LastDay,
    check_days,
    err,
    exit_if_not_followed,
    one_of,
    opened_context,
    parse_moment,
    plain,
    print_json,
    print_line,
    progress_bar,
)
from trackflow.settings import DATABASE_NAME, Settings
from trackflow.usecases.days.modes import RunMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackflow.tracks.notices import Notice
    from trackflow.usecases.days.report import RunReport, StageReport
    from trackflow.usecases.housekeeping.status import BatchMessage

MOST_NOTICES = 20
"""Notices that are printed; those with the most points come first."""

FEW_NAMES = 5
"""Devices that are named one by one where many have the same notice."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command(epilog="Example: trackflow run --from 2026-01-01 --to 2026-01-31 --mode bulk")(run)
    app.command(epilog="Example: trackflow status --json")(status)
    app.command(epilog="Example: trackflow verify --device van-7")(verify)
    app.command(epilog="Example: trackflow explain van-7 2026-01-31T08:15:00Z")(explain)


def run(
    first: FirstDay = None,
    last: LastDay = None,
    device: Device = None,
    mode: Annotated[
        RunMode,
        typer.Option(
            help="incremental: what is pending; bulk: everything again; daily: yesterday, or the "
            "day before until seven hours after midnight.",
            **one_of(RunMode, "mode"),
        ),
    ] = RunMode.INCREMENTAL,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try batches again that have been given up.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Process batches: cut segments, match them to roads, merge tracks."""
    from trackflow.usecases.categories.following import follow_tracks
    from trackflow.usecases.days import run as running
    from trackflow.usecases.days.notices import notices_of_run

    check_days(first, last)
    with opened_context() as context, progress_bar("batches") as progress:
        if retry_failed:
            running.retry_failed(context)
        report = running.run(
            context,
            mode=mode,
            first=first,
            last=last,
            device_id=device,
            progress=progress,
        )
        notices = notices_of_run(context, report)
        followed = follow_tracks(
            context, first=first, last=last, device_id=device, on_progress=progress
        )
    if as_json:
        print_json(report.stages)
    else:
        _print_run(report)
        _print_notices(notices)
    exit_if_not_followed(followed)
    if report.problems:
        raise typer.Exit(1)


def _print_run(report: "RunReport") -> None:
    from trackflow.usecases.days.report import counted, distinct_messages

    _print_resting(report)
    if not any(stage.days for stage in report.stages):
        if report.given_up:
            print_line(
                f"{counted(report.given_up, 'day')} of devices failed too often and will not be "
                "tried again: `trackflow status` says why, `trackflow run --retry-failed` tries."
            )
        elif not report.resting:
            print_line("There is nothing to do.")
        return
    segmented, matched, tracked = (report[s] for s in ("segmented", "matched", "tracked"))
    _print_stage(
        segmented,
        "cut into segments",
        counted(segmented.total("points"), "point"),
        counted(segmented.total("segments"), "segment"),
    )
    _print_stage(
        matched,
        "matched to roads",
        counted(matched.total("windows"), "window"),
        f"{matched.total('cached_windows'):,} from the cache",
        f"{matched.total('raw_windows'):,} kept raw",
    )
    _print_stage(
        tracked,
        "merged",
        counted(tracked.total("tracks"), "track"),
        f"{tracked.total('distance_mm') / 1e6:,.1f} km",
    )
    for message in distinct_messages(report.problems):
        err.print(logs.visible(f"trackflow: {message}"), markup=False, soft_wrap=True)


def _print_stage(stage: "StageReport", verb: str, *parts: str) -> None:
    """Print how many days a stage has done, and what that gave."""
    from trackflow.usecases.days.report import counted

    line = f"{counted(len(stage.done), 'day')} {verb}"
    if stage.done:
        line += f" ({', '.join(parts)}, {stage.seconds:.1f} s)"
    for days, what in ((stage.errors, "failed"), (stage.deferred, "waiting")):
        if days:
            line += f", {len(days):,} {what}"
    print_line(line)


def _print_resting(report: "RunReport") -> None:
    """Print the batches that wait for their next try: its time, and the last error."""
    from trackflow.usecases.days.report import counted

    if not report.resting:
        return
    soonest = report.resting[0]
    print_line(
        f"{counted(len(report.resting), 'day')} of devices failed and wait for their next try, the "
        f"first at {soonest.next_try_at:%Y-%m-%d %H:%M:%S} UTC:"
    )
    for message, count in Counter(one.message for one in report.resting).most_common():
        text = f"  {message} ({counted(count, 'batch', 'batches')})"
        print_line(text)


def status(as_json: Json = False) -> None:
    """Show the points and tracks stored, the batches that wait and the errors."""
    settings = Settings.from_env()
    known = "" if settings.database_url or as_json else str(settings.home / DATABASE_NAME)
    if known:  # printed at once: what reads the store takes half a second to load
        _print_figure("store", known)
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.housekeeping.status import read_status

    with opened_context() as context:
        state = read_status(context)
        store_name = context.store.name
    if as_json:
        print_json(state)
        return
    span = f"{state.first_point:%Y-%m-%d} to {state.last_point:%Y-%m-%d}" if state.points else ""
    quarantined = ", ".join(f"{count:,} {reason}" for reason, count in state.quarantined.items())
    for name, value in (
        *([] if known else [("store", store_name)]),
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
        *(("alert", alert) for alert in state.alerts[:MOST_NOTICES]),
    ):
        _print_figure(name, value)
    _print_messages(state.messages)
    for preset in sorted({found.guess.preset for found in state.looks_like}):
        alike = [found for found in state.looks_like if found.guess.preset == preset]
        names = ", ".join(found.device_id for found in alike[:FEW_NAMES])
        if len(alike) > 1:
            more = f" and {len(alike) - FEW_NAMES} more" if len(alike) > FEW_NAMES else ""
            text = f"{names}{more} look like: {preset}"
        else:
            text = f"{names} looks like: {preset} ({alike[0].guess.why})"
        print_line(text)
    _print_notices(state.notices)


def _print_messages(messages: "Sequence[BatchMessage]") -> None:
    """Print each text once, of the first batch that has it."""
    from trackflow.usecases.days.report import counted

    batches = Counter(message.message for message in messages)
    first = {message.message: message for message in reversed(messages)}
    for message in (first[text] for text in batches):
        tries = f" after {counted(message.tries, 'try', 'tries')}" if message.tries else ""
        if message.next_try_at:
            tries += f", next try at {message.next_try_at:%Y-%m-%d %H:%M:%S} UTC"
        others = ", as are others" if batches[message.message] > 1 else ""
        print_line(
            f"{message.device_id} {message.day} is {message.status}{tries}{others}: "
            f"{message.message}"
        )


def _print_figure(name: str, value: str) -> None:
    print_line(f"{name:<11}  {value}")


def _print_notices(notices: "Sequence[Notice]") -> None:
    for notice in notices[:MOST_NOTICES]:
        print_line(f"{notice}\n  {notice.advice}")
    if len(notices) > MOST_NOTICES:
        more = len(notices) - MOST_NOTICES
        print_line(f"... and {more:,} more notices: `trackflow status --json` has all of them.")


def _outdated(days: int) -> str:
    from trackflow.usecases.days.report import counted

    return f"{counted(days, 'day')} made without roads or on others; the next run matches them"


def verify(device: Device = None, as_json: Json = False) -> None:
    """Compute everything again in one pass and compare it with the store."""
    from trackflow.usecases.days.verify import verify as verify_store

    with opened_context() as context, progress_bar("devices") as progress:
        report = verify_store(context, device_id=device, progress=progress)
    if as_json:
        print_json(plain(report) | {"ok": report.ok})
    else:
        for line in report.lines():
            print_line(line)
    if not report.ok:
        raise typer.Exit(1)


def explain(
    device: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    time: Annotated[
        dt.datetime,
        typer.Argument(
            help="A time; UTC without offset.",
            show_default=False,
            parser=parse_moment,
            metavar="TIME",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Print the class of a point, its travel mode, and what decided them."""
    from trackflow.usecases.categories.explaining import explain_leg
    from trackflow.usecases.days.explaining import explain_moment

    with opened_context() as context:
        explanation = explain_moment(context, device, time)
        leg = explain_leg(context, device, time)
    if as_json:
        print_json(explanation.as_dict() | {"leg": None if leg is None else asdict(leg)})
    else:
        print_line(str(explanation))
        if leg is not None:
            print_line(str(leg))
