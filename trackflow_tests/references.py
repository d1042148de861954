"""Pages of the documentation that are made from code: `python -m trackflow_tests.references`."""

from collections.abc import Callable
from pathlib import Path

from trackflow.settings import READ_ELSEWHERE, variables

FOLDER = Path(__file__).parents[1] / "docs" / "reference"

SETTINGS = """# Settings

Everything is set by environment variables; an empty one counts as unset. A variable that cannot be
read ends a command with one line that names it.

| variable | unset | meaning |
|---|---|---|
{rows}
"""


def settings_page() -> str:
    """The table of all environment variables."""
    rows = (
        f"| `{each.name}` | {each.unset} | {each.meaning} |"
        for each in (*variables().values(), *READ_ELSEWHERE)
    )
    return SETTINGS.format(rows="\n".join(rows))


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page}


def main() -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
