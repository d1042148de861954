"""`docs/reference/settings.md`, out of the settings themselves."""

from trackflow.settings import variables
from trackflow.variables import PREFIX, Variable
from trackflow_tests.docs.markdown import GENERATED

SETTINGS = """# Settings

{generated}

Everything is set by environment variables; an empty one counts as unset. A variable that cannot be
read ends a command with one line that names it.

| variable | unset | meaning |
|---|---|---|
{rows}
"""

READ_ELSEWHERE = (
    Variable(
        f"{PREFIX}FOLLOW_URL",
        "database (PostgreSQL or SQLite) with a table of markers to follow",
        "none",
        is_secret=True,
    ),
    Variable(f"{PREFIX}FOLLOW_TABLE", "the name of that table", "markers"),
    Variable(f"{PREFIX}FOLLOW_ORDER", "`latlon` if its `coords` begin with the latitude", "lonlat"),
    Variable(
        f"{PREFIX}FIRST_DAY",
        "first daily partition in Dagster; older days are worked on as well, and shown from there "
        "on",
        "2015-01-01; `serve` follows the store's first day",
    ),
)
"""Variables that one part of trackflow reads by itself."""


def settings_page() -> str:
    """The table of all environment variables."""
    rows = (
        f"| `{each.name}` | {each.unset} | {each.meaning} |"
        for each in (*variables().values(), *READ_ELSEWHERE)
    )
    return SETTINGS.format(generated=GENERATED, rows="\n".join(rows))
