"""Commands that maintain a store: its tables, tokens, the inbox, backups, and deleting data."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackflow.cli.common import (
    Json,
    choice,
    err,
    opened_context,
    plain,
    print_json,
    print_line,
    print_note,
    progress_bar,
)
from trackflow.errors import SettingsError

if TYPE_CHECKING:
    from trackflow.sources.devices.setups import AppSetup
    from trackflow.usecases.access.tokens import NoTokenMode, Token

token_app = typer.Typer(
    help="Tokens: who may deliver points, read, or do everything.", no_args_is_help=True
)

IDLE = dt.timedelta(days=4)
"""No note is printed while the newest points are at most this much older than the clock."""

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.command(epilog="Example: trackflow inbox")(inbox)
    app.command(epilog="Example: trackflow purge van-7")(purge)
    app.command(epilog="Example: trackflow retain --json")(retain)
    app.command(epilog="Example: trackflow migrate")(migrate)
    app.command(epilog="Example: trackflow backup trackflow-2026-01-31.zip")(backup)
    app.command(epilog="Example: trackflow restore trackflow-2026-01-31.zip")(restore)
    app.add_typer(token_app, name="token")


def inbox(as_json: Json = False) -> None:
    """Import the new files of the folder TRACKFLOW_INBOX; the folder is only read."""
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.intake.inbox import scan

    with opened_context() as context, progress_bar("bytes") as progress:
        report = scan(context, progress)
    if as_json:
        print_json(report)
    else:
        for file in report.files:
            refused = f", {file.refused:,} refused" if file.refused else ""
            error = f". {file.error}" if file.error else ""
            print_line(f"{file.name}: {counted(file.points_added, 'point')} added{refused}{error}")
        if not report.files:
            print_line("There is nothing new.")
        if report.waiting:
            print_line(f"{counted(report.waiting, 'file')} may still be being written.")
    if report.errors:
        raise typer.Exit(1)


def purge(
    device: Annotated[str, typer.Argument(help="The device.", show_default=False)],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete a device everywhere: points, tracks, lines, settings, tokens. There is no way back."""
    from trackflow.usecases.devices.purging import purge as purge_device

    if not yes:
        _confirm(f"Delete everything of {device}, for ever?")
    with opened_context() as context:
        report = purge_device(context, device)
    if as_json:
        print_json(report)
        return
    deleted = ", ".join(f"{count:,} in {name}" for name, count in report.rows.items() if count)
    print_line(f"{device} is deleted: {deleted}.")
    for path in report.files:
        print_line(
            f"{path} has points of it: delete the file, or it brings them back when it changes."
        )
    if report.note:
        print_line(report.note)


def retain(
    approve: Annotated[
        str,
        typer.Option(
            help="Delete what is older than this day, such as 2026-01-31, where it would stop and "
            "ask; never more than the setting says by the clock."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Delete data older than TRACKFLOW_RETENTION_DAYS; a schedule does so daily.

    Days are counted from the clock or the newest points: from the one that keeps more. It stops and
    asks before it deletes more than half of all days, or when the clock has jumped.
    """
    from trackflow.usecases.days.report import counted
    from trackflow.usecases.housekeeping.retention import apply_retention, approved_day

    with opened_context() as context:
        report = apply_retention(context, approved_day(approve))
    if as_json:
        print_json(report)
        return
    if report.lifted:
        print_line(
            f"{counted(report.lifted, 'device')} take older points again: import once more what "
            "was refused as too old."
        )
    if report.edge is None:
        print_line("Everything is kept: set TRACKFLOW_RETENTION_DAYS to delete what is older.")
    else:
        deleted = ", ".join(f"{count:,} in {name}" for name, count in report.rows.items() if count)
        print_line(
            f"Points are kept from {report.edge} on. "
            f"Deleted of {counted(report.devices, 'device')}: {deleted or 'nothing'}."
        )
        if report.edge_by_clock and report.edge_by_clock - report.edge > IDLE:
            print_line(
                "That is counted from the newest points, as none arrived lately. By the clock it "
                f"would be {report.edge_by_clock}: `trackflow retain --approve "
                f"{report.edge_by_clock}` deletes what is older, if the clock is right."
            )


def migrate(as_json: Json = False) -> None:
    """Bring the tables of the store to this version and end; every other command does so, too.

    For deployments that do it once, before the services of the new version start.
    """
    with opened_context() as context:
        schema, store = context.store.schema, context.store.name
    if as_json:
        print_json({"schema": schema, "store": store})
        return
    print_line(f"{store} has the tables of this version (schema {schema}).")


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, a zip.", show_default=False)],
    networks: Annotated[
        bool, typer.Option("--networks/--no-networks", help="With the road networks in use.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Write a consistent backup to one file; other processes may go on working."""
    from trackflow.usecases.housekeeping import archive

    with opened_context() as context, progress_bar("tables") as progress:
        report = archive.backup(context, file, with_networks=networks, progress=progress)
    _print_archive(report, as_json, f"{_rows(report)} written to {file}.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file of `trackflow backup`.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Read a backup into an empty store, also of the other kind of database."""
    from trackflow.usecases.housekeeping import restoring

    with opened_context() as context, progress_bar("tables") as progress:
        report = restoring.restore(context, file, progress=progress)
    _print_archive(report, as_json, f"{_rows(report)} restored from {file}.")
    print_note(
        "This store answers to tokens only: those of the backup, or new ones. `trackflow token "
        "local on` lets this machine in without one."
    )


def _rows(report: Any) -> str:
    from trackflow.usecases.days.report import counted

    rows = counted(sum(report.rows.values()), "row")
    return f"{rows} and {counted(len(report.networks), 'road network')}"


def _print_archive(report: Any, as_json: bool, line: str) -> None:
    if as_json:
        print_json(report)
    else:
        print_line(line)


@token_app.command(
    "create", epilog="Example: trackflow token create van-7-phone --scope ingest --device van-7"
)
def token_create(
    name: Annotated[str, typer.Argument(help="What it is for.", show_default=False)],
    scope: Annotated[str, typer.Option(help="ingest, read or admin.")],
    device: Annotated[
        str | None,
        typer.Option("--device", help="For ingest: all points that it delivers are this device's."),
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(
            "--app",
            help="Also print what this app has to be told, with a QR code to scan: owntracks, "
            "overland, colota, gpslogger, traccar or osmand. Needs TRACKFLOW_PUBLIC_URL.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token. It is shown once, as only its hash is stored."""
    from trackflow.sources.devices.setups import APPS, Reporting, app_setups
    from trackflow.usecases.access.tokens import Scope, create_token

    chosen = Scope(choice(scope, [s.value for s in Scope], "scope"))
    with opened_context() as context:
        address = context.settings.public_url
        if app is not None:
            choice(app, list(APPS), "app")
            if chosen is not Scope.INGEST:
                raise SettingsError("an app sends positions: its token has --scope ingest")
            if not address:
                raise SettingsError(
                    "set TRACKFLOW_PUBLIC_URL to the address at which phones reach this server"
                )
        secret, token = create_token(context, name, chosen, device)
    if as_json:
        print_json(plain(token) | {"token": secret})
        return
    print_line(secret)
    print_note(
        f"{token.token_id}: {token.name} may {_may(token)}. Keep the token: it is not shown again."
    )
    if app is not None:
        _print_setup(app_setups(Reporting(address, secret, token.device_id or token.name))[app])


def _print_setup(setup: "AppSetup") -> None:
    import segno

    print_line(f"\n{setup.app}")
    for name, value in setup.fields.items():
        print_line(f"  {name}: {value}")
    if setup.link:
        print_line(f"or open on the phone, or scan:\n{setup.link}\n")
        segno.make(setup.link, micro=False).terminal(compact=True)


@token_app.command("list", epilog="Example: trackflow token list --json")
def token_list(as_json: Json = False) -> None:
    """Show all tokens, without their secrets."""
    from trackflow.usecases.access.tokens import read_access

    with opened_context() as context:
        access = read_access(context)
    if as_json:
        print_json(access.tokens)
        return
    for token in access.tokens:
        revoked = f", revoked {token.revoked_at:%Y-%m-%d}" if token.revoked_at else ""
        print_line(
            f"{token.token_id}  {token.name}: may {_may(token)}; "
            f"made {token.created_at:%Y-%m-%d}{revoked}"
        )
    if not access.tokens:
        print_line("There are no tokens.")
    print_line(_mode_line(access.mode))


@token_app.command("revoke", epilog="Example: trackflow token revoke 1f3c9a2b")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="As listed.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Revoke a token, from now on."""
    from trackflow.usecases.access.tokens import revoke_token

    with opened_context() as context:
        left = revoke_token(context, token_id)
    if as_json:
        print_json({"token_id": token_id, "revoked": True, "tokens_left": left})
        return
    print_line(f"{token_id} is revoked.")
    if not left:
        print_line("It was the last one, and nobody has access now: make one with `token create`.")


@token_app.command("local", epilog="Example: trackflow token local on")
def token_local(
    switch: Annotated[
        str | None,
        typer.Argument(help="on or off; without it, shows what holds.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Switch access without a token from this machine on or off (no-token mode).

    A new store admits programs of its user on this machine. The first token and any sign of a
    proxy end that for good. Switch it on only where no proxy or tunnel leads here.
    """
    from trackflow.usecases.access.no_token import read_mode, switch_mode

    if switch is not None:
        choice(switch, ["on", "off"], "switch")
    with opened_context() as context:
        mode = read_mode(context) if switch is None else switch_mode(context, switch == "on")
    if as_json:
        return print_json(mode)
    return print_line(_mode_line(mode))


def _mode_line(mode: "NoTokenMode") -> str:
    if mode.is_on:
        return "No-token mode is on: programs of this user on this machine need no token."
    return (
        f"No-token mode is off ({mode.reason}): every client needs a token. "
        "`trackflow token local on` switches it on."
    )


def _may(token: "Token") -> str:
    what = {"ingest": "deliver points", "read": "read", "admin": "do everything"}[token.scope]
    return f"{what} of {token.device_id}" if token.device_id else what


def _confirm(question: str) -> None:
    """Ask for confirmation; a program without a terminal has to pass --yes.

    Raises:
        SettingsError: the answer is no, or there is no terminal.
    """
    if not err.is_terminal:
        raise SettingsError("there is no terminal to ask at: say --yes")
    if not typer.confirm(question, err=True):
        raise SettingsError("nothing was deleted")
