"""The commands of numbers: sums by day, week, month or year."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli.common import (
    FirstDay,
    Json,
    LastDay,
    check_days,
    one_of,
    opened_context,
    print_json,
    print_line,
)
from trackflow.errors import SettingsError
from trackflow.geo.periods import By, period_name

if TYPE_CHECKING:
    from trackflow.usecases.queries.distances import TravelSums

Devices = Annotated[
    list[str] | None, typer.Option("--device", help="Only this device; may be repeated.")
]
Zone = Annotated[
    str | None,
    typer.Option("--zone", help="Time zone of the days; TRACKFLOW_TIME_ZONE without it."),
]
PER = ("device", "group", "mode", "category")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command(
        "numbers", epilog="Example: trackflow numbers --from 2026-01-01 --to 2026-12-31 --by month"
    )(numbers)
    app.command("visited", epilog="Example: trackflow visited --from 2026-01-01 --to 2026-12-31")(
        visited
    )
    app.command("month", epilog="Example: trackflow month van-7 2026-11 --file van-7.pdf")(month)


def numbers(
    first: FirstDay = None,
    last: LastDay = None,
    by: Annotated[
        By, typer.Option("--by", help="How long the periods are.", **one_of(By, "period"))
    ] = By.MONTH,
    per: Annotated[
        str | None,
        typer.Option(
            "--per",
            help="What to tell apart: device, its group, mode or category.",
            metavar="|".join(PER),
        ),
    ] = None,
    device: Devices = None,
    zone: Zone = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Write the rows to this file: NAME.csv or NAME.xlsx."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show kilometres, hours, trips, speeds and elevation gain by day, week, month or year.

    They are the numbers of the page and the API, in one time zone; a track over midnight counts on
    each day with the part that was travelled on it.
    """
    from trackflow.cli.common import choice
    from trackflow.usecases.queries.numbers import NumbersQuery, Per, read_numbers
    from trackflow.web.answers.numbers import numbers_answer

    check_days(first, last)
    of = None if per is None else Per(choice(per, list(PER), "choice"))
    wanted = NumbersQuery(first, last, by, of, device or None, zone)
    with opened_context() as context:
        found = read_numbers(context, wanted)
    if file is not None:
        from trackflow.exports.numbers.writing import WRITERS

        _write(file, WRITERS, found)
        print_line(f"{len(found.rows)} rows written to {file}")
    elif as_json:
        print_json(numbers_answer(found))
    else:
        for row in found.rows:
            key = "" if of is None else f" {row.key or '(none)'}"
            print_line(f"{period_name(row.period.first, by)}{key}: {_line(row.sums)}")
        print_line(f"total: {_line(found.totals)}, days of {found.time_zone}")
        if found.before and found.before_totals:
            days = " to ".join(map(str, found.before))
            print_line(f"before ({days}): {_line(found.before_totals)}")


def visited(
    first: FirstDay = None,
    last: LastDay = None,
    device: Devices = None,
    zone: Zone = None,
    as_json: Json = False,
) -> None:
    """Show the countries that tracks went through, and the towns in which devices stayed.

    Found by borders and towns that come with trackflow (Natural Earth, GeoNames), without a
    service.
    """
    from trackflow.usecases.queries.numbers import NumbersQuery
    from trackflow.usecases.queries.visited import read_visited
    from trackflow.web.answers.numbers import visited_answer

    check_days(first, last)
    wanted = NumbersQuery(first, last, device_ids=device or None, zone=zone)
    with opened_context() as context:
        found = read_visited(context, wanted)
    if as_json:
        print_json(visited_answer(found))
        return
    for one in found.countries:
        print_line(f"{one.country}: {len(one.days):,} days, {one.tracks:,} tracks")
    for seen in found.towns:
        place = f"{seen.town.name} ({seen.town.country})"
        print_line(
            f"{place}: {len(seen.days):,} days, {seen.stays:,} stays, {seen.seconds / 3600:,.1f} h"
        )
    if not found.countries:
        print_line("No track went through a country in this time.")


def month(
    device: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    wanted: Annotated[
        str, typer.Argument(metavar="MONTH", help="Such as 2026-11.", show_default=False)
    ],
    file: Annotated[
        Path | None,
        typer.Option("--file", help="The file to write, .pdf or .xlsx; else here, by its name."),
    ] = None,
) -> None:
    """Write the report of a device's month, to print: totals, days, modes, trips, towns."""
    from trackflow.exports.numbers.month import WRITERS, file_name
    from trackflow.usecases.queries.month_report import read_month

    with opened_context() as context:
        found = read_month(context, device, wanted)
    path = file or Path(file_name(found, "pdf"))
    _write(path, WRITERS, found)
    print_line(f"{len(found.trips)} trips written to {path}")


def _write[T](file: Path, writers: Mapping[str, Callable[[T], bytes]], found: T) -> None:
    from trackflow.files import chosen_file

    name = file.suffix.removeprefix(".").lower()
    if name not in writers:
        raise SettingsError(f"{file} should end in .{' or .'.join(writers)}")
    content = writers[name](found)
    with chosen_file(file) as opened:
        opened.write(content)


def _line(sums: "TravelSums") -> str:
    from trackflow.usecases.queries.numbers import figures_of

    figures = figures_of(sums)
    parts = [
        f"{figures['distance_m'] / 1000:,.1f} km",
        f"{figures['trips']:,} trips",
        f"{figures['duration_s'] / 3600:,.1f} h",
    ]
    if figures["idle_s"] is not None:
        parts.append(f"of it {figures['idle_s'] / 3600:,.1f} h idle")
    if figures["average_speed_kmh"] is not None:
        parts.append(f"{figures['average_speed_kmh']:.0f} km/h on average")
    if figures["max_speed_kmh"] is not None:
        parts.append(f"{figures['max_speed_kmh']:.0f} km/h at most")
    if figures["elevation_gain_m"] is not None:
        parts.append(f"{figures['elevation_gain_m']:,.0f} m up")
    return ", ".join(parts)
