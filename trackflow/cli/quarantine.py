"""Commands for the quarantine: refused input of live senders and files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackflow.cli.common import Json, opened_context, print_json, print_line, print_note
from trackflow.errors import SettingsError

if TYPE_CHECKING:
    from trackflow.usecases.intake.quarantine import QuarantineFilter, RetryReport, SenderState

quarantine_app = typer.Typer(
    help="Refused input: its sender, the reason, and what to set right.",
    no_args_is_help=True,
)

MOST_SHOWN = 20
RAW_SHOWN_CHARS = 2_000

Sender = Annotated[
    str | None, typer.Option("--sender", help="Only of this sender; files for what was imported.")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only refused for this reason.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(quarantine_app, name="quarantine")


@quarantine_app.command("list", epilog="Example: trackflow quarantine list --sender osmand")
def list_(
    sender: Sender = None,
    reason: ReasonOption = None,
    most: Annotated[int, typer.Option(help="How many of the newest are listed.", min=0)] = 10,
    as_json: Json = False,
) -> None:
    """Show each sender's last report, last error and counts; and the newest refused inputs.

    Each has an id; `trackflow quarantine show ID` shows the input itself.
    """
    from trackflow.usecases.intake import quarantine

    choice = _choice(sender, reason)
    with opened_context() as context:
        states = [s for s in quarantine.sender_states(context) if sender in (None, s.sender)]
        newest = quarantine.newest(context, choice, most)
    if as_json:
        return print_json({"senders": states, "newest": newest})
    if not states:
        print_line("No sender has reported yet, and nothing was refused.")
    for state in states:
        for line in _state_lines(state):
            print_line(line)
    for row in newest:
        device = f" of {row.device_id}" if row.device_id else ""
        at = _short(row.received_at.isoformat())
        where = " ".join(f"{row.where}{device}".splitlines())
        print_line(f"{row.id}  {at}  {where}: {row.reason}")
    return None


@quarantine_app.command("show", epilog="Example: trackflow quarantine show 3f9a")
def show(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="As listed, or its beginning.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Show one refused input: its text, its protocol, the reason, and what to set right."""
    from trackflow.usecases.intake import quarantine

    with opened_context() as context:
        found = quarantine.shown(context, id_)
    if as_json:
        return print_json(found)
    for name in ("id", "sender", "device_id", "reason", "advice", "where", "received_at"):
        if found[name]:
            print_line(f"{name:<12} {found[name]}")
    for name, value in (found["envelope"] or {}).items():
        print_line(f"  {name:<16} {value}")
    _show_raw(found)
    return None


@quarantine_app.command("retry", epilog="Example: trackflow quarantine retry --reason encrypted")
def retry(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="As listed; all without it.", show_default=False),
    ] = None,
    sender: Sender = None,
    reason: ReasonOption = None,
    as_json: Json = False,
) -> None:
    """Read refused inputs again with this version's readers and today's settings.

    Readable positions are stored and leave the quarantine. A repetition changes nothing more.
    """
    from trackflow.usecases.intake import quarantine

    with opened_context() as context:
        found = [quarantine.shown(context, one)["id"] for one in ids or []]
        report = quarantine.retry(context, _choice(sender, reason, found))
    if as_json:
        return print_json(report)
    for line in _retry_lines(report):
        print_line(line)
    return None


@quarantine_app.command("export", epilog="Example: trackflow quarantine export refused.jsonl")
def export(
    file: Annotated[
        Path, typer.Argument(help="A new file, one JSON object a line.", show_default=False)
    ],
    sender: Sender = None,
    reason: ReasonOption = None,
) -> None:
    """Write refused inputs to a file, whole: `raw` is their text, `body` their bytes in base64."""
    from trackflow.files import chosen_file
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.intake import quarantine

    if file.exists():
        raise SettingsError(f"{file} exists already; name another file")
    count = 0
    with opened_context() as context, chosen_file(file) as out:
        for line in quarantine.exported(context, _choice(sender, reason)):
            out.write(f"{line}\n".encode())
            count += 1
    print_line(f"{counted(count, 'refused input')} in {file}.")


@quarantine_app.command("delete", epilog="Example: trackflow quarantine delete --sender osmand")
def delete(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="As listed.", show_default=False)
    ] = None,
    sender: Sender = None,
    reason: ReasonOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that was refused.")] = False,
    as_json: Json = False,
) -> None:
    """Delete refused inputs for good, to make room; `export` keeps a copy."""
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.intake import quarantine

    if not (ids or sender or reason or everything):
        raise SettingsError("say which: ids, --sender, --reason, or --all")
    with opened_context() as context:
        found = [quarantine.shown(context, one)["id"] for one in ids or []]
        count = quarantine.delete(context, _choice(sender, reason, found))
    if as_json:
        return print_json({"deleted": count})
    print_line(f"{counted(count, 'refused input')} deleted.")
    return None


def _choice(
    sender: str | None, reason: str | None, ids: list[str] | None = None
) -> "QuarantineFilter":
    from trackflow.usecases.intake.quarantine import QuarantineFilter

    return QuarantineFilter(sender, reason, tuple(ids or ()))


def _state_lines(state: "SenderState") -> list[str]:
    line = f"{state.sender}:"
    if state.last_report_at is not None:
        line += f" last report {_short(state.last_report_at.isoformat())}"
    if state.sender != "files" and state.last_points_at != state.last_report_at:
        at = state.last_points_at
        line += f", last points {_short(at.isoformat()) if at else 'never'}"
    lines = [line]
    if state.refused:
        reasons = ", ".join(f"{count:,} {why}" for why, count in state.refused.items())
        lines.append(f"  refused: {reasons} ({state.size_bytes / 1e6:,.2f} MB)")
    if state.last_error_at is not None:
        failed_at = _short(state.last_error_at.isoformat())
        lines.append(f"  last error {failed_at}: {state.last_error}" + _because(state.advice))
    return lines


def _because(advice: str) -> str:
    return f": {advice}" if advice else ""


def _retry_lines(report: "RetryReport") -> list[str]:
    from trackflow.usecases.days.report import counted

    accepted = report.accepted
    first = (
        f"{counted(report.read_again, 'refused input')} read again: {accepted.added:,} points "
        f"added, {accepted.repeated:,} there already; {report.taken_out:,} left the quarantine."
    )
    lines = [first]
    if report.still_refused:
        reasons = ", ".join(f"{n:,} {why}" for why, n in report.still_refused.most_common())
        lines.append(f"  still refused: {reasons}")
    if report.not_kept_whole:
        lines.append(
            f"  {report.not_kept_whole:,} are of files, or were cut by an older version: "
            "import their file again"
        )
    if report.accepted.added:
        lines.append("`trackflow run` processes the new points.")
    return lines


def _show_raw(found: dict[str, Any]) -> None:
    raw = found["raw"]
    print_line("")
    print_line(raw[:RAW_SHOWN_CHARS])
    if len(raw) > RAW_SHOWN_CHARS:
        print_note(f"... and {len(raw) - RAW_SHOWN_CHARS:,} characters more: --json shows all.")
    if found["body"] is not None:
        print_note("It is not text as it stands: --json has its bytes in base64.")


def _short(moment: str) -> str:
    return moment[:19].replace("T", " ") + " UTC"
