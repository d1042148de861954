"""The command `what-if`: what other thresholds would do to tracks."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli.common import Json, opened_context, print_json, print_line
from trackflow.cli.devices import assignment
from trackflow.geo.periods import day_named
from trackflow.geo.time import from_us

if TYPE_CHECKING:
    from trackflow.tracks.what_if import SpanChange, TrackSpan
    from trackflow.usecases.days.what_if import WhatIfReport

SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Add the command to the `trackflow` command."""
    app.command(
        "what-if",
        epilog="Example: trackflow what-if --device van-7 --from 2026-03-02 --to 2026-03-08 "
        "gap_s=300",
    )(what_if)


def what_if(
    device: Annotated[str, typer.Option("--device", help="The device.", show_default=False)],
    first: Annotated[
        dt.date,
        typer.Option(
            "--from", help="First day (UTC).", parser=day_named, metavar="DAY", show_default=False
        ),
    ],
    last: Annotated[
        dt.date,
        typer.Option(
            "--to", help="Last day, included.", parser=day_named, metavar="DAY", show_default=False
        ),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Argument(help="Thresholds: NAME=VALUE, or NAME= to take the own one back."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Another preset: vehicle, phone, asset or sport; '' for the defaults."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Most changes to list.")] = SHOWN,
    as_json: Json = False,
) -> None:
    """Show which tracks other thresholds would add, remove, split or merge. Nothing is written.

    Lengths are measured along the points, before and after. `trackflow device NAME --set` changes
    thresholds for good, and `--preset` the preset.
    """
    from trackflow.usecases.days.what_if import what_if as ask

    wanted = dict(assignment(text) for text in changes or [])
    with opened_context() as context:
        report = ask(context, device, first, last, wanted, preset)
    if as_json:
        return print_json(report)
    return _show(report, limit)


def _show(report: "WhatIfReport", limit: int) -> None:
    from trackflow.usecases.days.report import counted

    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.counts.items()))
    print_line(
        f"{counted(report.tracks_before, 'track')}, {report.distance_m_before / 1000:,.1f} km -> "
        f"{counted(report.tracks_after, 'track')}, {report.distance_m_after / 1000:,.1f} km"
        + (f" ({kinds})" if kinds else "")
    )
    for change in report.changes[:limit]:
        print_line(_change(change))
    if len(report.changes) > limit:
        print_line(f"  and {len(report.changes) - limit:,} more changes: --limit shows them")


def _change(change: "SpanChange") -> str:
    sides = [", ".join(map(_span, side)) or "no track" for side in (change.before, change.after)]
    return f"  {change.kind.value}: {sides[0]} -> {sides[1]}"


def _span(span: "TrackSpan") -> str:
    start, end = from_us(span.start_us), from_us(span.end_us)
    return f"{start:%Y-%m-%d %H:%M}-{end:%H:%M} UTC ({span.distance_mm / 1e6:.1f} km)"
