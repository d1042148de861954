"""The command `rules`: what tracks are for, by a person's own rules."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackflow.cli.common import (
    By,
    Device,
    FirstDay,
    Json,
    LastDay,
    check_days,
    decider,
    exit_if_not_followed,
    opened_context,
    plain,
    print_json,
    print_line,
    read_input,
)
from trackflow.cli.rules_lines import missing_lines, preview_lines, use_line
from trackflow.errors import BadInputError, SettingsError

if TYPE_CHECKING:
    from trackflow.categories.rules.rules import RuleSet

rules_app = typer.Typer(
    help="Rules that decide what tracks are for: preview, save, apply, undo.", no_args_is_help=True
)

File = Annotated[
    Path, typer.Argument(help="The rules as TOML; - for standard input.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(rules_app, name="rules")


@rules_app.command(epilog="Example: trackflow rules show > rules.toml")
def show(
    version: Annotated[
        int | None,
        typer.Argument(help="The version; by default the one in use now.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print rules as TOML, ready to be edited and saved."""
    from trackflow.categories.rules.toml import json_table, write_toml
    from trackflow.usecases.categories.rule_versions import read_version

    with opened_context() as context:
        found = read_version(context, version)
    if as_json:
        return print_json({"version": found.version, **json_table(found.rules)})
    if not found.version:
        print_line("# There are no rules yet: `trackflow rules save FILE` saves some.")
        return None
    print_line(f"# Version {found.version}")
    return print_line(write_toml(found.rules))


@rules_app.command(epilog="Example: trackflow rules check rules.toml")
def check(file: File, as_json: Json = False) -> None:
    """Check a file of rules and name everything that is wrong with it. Nothing is saved."""
    from trackflow.categories.rules.problems import RulesError
    from trackflow.usecases.days.report import counted

    try:
        rules = _read(file)
    except RulesError as error:
        if as_json:
            print_json({"ok": False, "problems": list(error.problems)})
        else:
            for problem in error.problems:
                print_line(problem)
        raise typer.Exit(1) from None
    if as_json:
        return print_json({"ok": True, "rules": [rule.name for rule in rules.rules]})
    return print_line(f"{counted(len(rules.rules), 'rule')}, all well.")


@rules_app.command(
    epilog="Example: trackflow rules preview rules.toml --from 2026-01-01 --to 2026-03-31"
)
def preview(
    file: File,
    first: FirstDay = None,
    last: LastDay = None,
    device: Device = None,
    limit: Annotated[int, typer.Option(min=0, help="Most tracks to list.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Tracks to skip in the list.")] = 0,
    as_json: Json = False,
) -> None:
    """List the past tracks that would change if the rules were applied, and sums by category.

    Nothing is written. Without --from and --to, all tracks are compared.
    """
    from trackflow.usecases.categories.previewing import PreviewRange, preview_rules
    from trackflow.usecases.categories.ranges import range_of_days

    check_days(first, last)
    rules = _read(file)
    with opened_context() as context:
        start, end = range_of_days(context, first, last)
        devices = None if device is None else (device,)
        found = preview_rules(context, rules, PreviewRange(devices, start, end, offset, limit))
    if as_json:
        return print_json(found)
    for line in preview_lines(found, offset):
        print_line(line)
    return None


@rules_app.command(epilog="Example: trackflow rules save rules.toml --comment 'New office'")
def save(
    file: File,
    comment: Annotated[str | None, typer.Option(help="Why, for the history.")] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Save rules as a new version, for tracks that begin from now on.

    The past stays as it is until `trackflow rules apply` names a range of it.
    """
    from trackflow.usecases.categories.rule_versions import save_rules

    rules = _read(file)
    with opened_context() as context:
        saved = save_rules(context, rules, decider(by), comment)
    if as_json:
        return print_json(saved)
    for line in missing_lines(saved.missing_rates):
        print_line(line)
    if not saved.is_new:
        return print_line(
            f"These rules are version {saved.version} already, for tracks that begin from now on."
        )
    print_line(f"Saved as version {saved.version}, for tracks that begin from now on.")
    return print_line(
        f"For the past: trackflow rules apply {saved.version} --from DAY --to DAY "
        "(trackflow rules preview FILE shows what would change)"
    )


@rules_app.command(epilog="Example: trackflow rules apply 3 --from 2026-01-01 --to 2026-03-31")
def apply(
    version: Annotated[int, typer.Argument(help="The version.", show_default=False)],
    first: FirstDay = None,
    last: LastDay = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Use a version for tracks that began on some past days; `rules undo` takes it back.

    Days are those of TRACKFLOW_TIME_ZONE. What people decided stays.
    """
    from trackflow.usecases.categories.following import decide_between
    from trackflow.usecases.categories.ranges import range_of_days
    from trackflow.usecases.categories.rule_versions import apply_rules
    from trackflow.usecases.days.report import counted

    if first is None or last is None:
        raise SettingsError("name the days with --from and --to: the past changes only by choice")
    check_days(first, last)
    with opened_context() as context:
        use = apply_rules(context, version, *range_of_days(context, first, last), decider(by))
        changed, followed = decide_between(context, None, use.from_time, use.until_time)
    if as_json:
        print_json({**plain(use), "changed": changed})
    else:
        print_line(
            f"Version {version} is used for tracks that began from {first} to {last} "
            f"(use {use.use_no}); {counted(changed, 'track')} changed."
        )
        print_line(f"`trackflow rules undo {use.use_no}` takes it back.")
    exit_if_not_followed(followed)


@rules_app.command(epilog="Example: trackflow rules undo 4")
def undo(
    use: Annotated[
        int | None,
        typer.Argument(
            help="Number of the use, as `history` shows it; by default the newest.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a use of rules count no more: what was used before decides again."""
    from trackflow.usecases.categories.following import decide_between
    from trackflow.usecases.categories.rule_versions import undo_use
    from trackflow.usecases.days.report import counted

    with opened_context() as context:
        undone = undo_use(context, use)
        changed, followed = decide_between(context, None, undone.from_time, undone.until_time)
    if as_json:
        print_json({**plain(undone), "changed": changed})
    else:
        print_line(
            f"Use {undone.use_no} of version {undone.version} counts no more; "
            f"{counted(changed, 'track')} changed."
        )
    exit_if_not_followed(followed)


@rules_app.command(epilog="Example: trackflow rules history")
def history(as_json: Json = False) -> None:
    """List the versions of the rules, and for which time each is or was used."""
    from trackflow.usecases.categories.rule_versions import read_history
    from trackflow.usecases.days.report import counted

    with opened_context() as context:
        found = read_history(context)
    if as_json:
        return print_json(found)
    for version in found.versions:
        comment = f": {version.comment}" if version.comment else ""
        print_line(
            f"version {version.version}, {counted(version.rules, 'rule')}, saved "
            f"{version.saved_at:%Y-%m-%d %H:%M} UTC by {version.saved_by}{comment}"
        )
    for use in found.uses:
        print_line(use_line(use))
    if not found.versions:
        print_line("There are no rules yet.")
    return None


@rules_app.command(
    "from-track",
    epilog="Example: trackflow rules from-track 01234567-89ab-5def-8123-456789abcdef > rule.toml",
)
def from_track(
    track: Annotated[uuid.UUID, typer.Argument(help="Id of the track.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Print the draft of a rule that holds for a track and for tracks like it."""
    from trackflow.categories.rules.toml import json_table, write_toml
    from trackflow.usecases.categories.track_rules import draft_of_track

    with opened_context() as context:
        draft = draft_of_track(context, track)
    if as_json:
        return print_json(json_table(draft))
    return print_line(write_toml(draft))


def _read(file: Path) -> "RuleSet":
    from trackflow.categories.rules.toml import parse_toml

    try:
        text = read_input(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{file} is not UTF-8, which TOML has to be") from None
    return parse_toml(text)
