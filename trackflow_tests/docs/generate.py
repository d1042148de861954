"""Writes the pages that are made of the code: `make docs`."""

from collections.abc import Callable
from pathlib import Path

from trackflow_tests.docs.cli_reference import cli_reference
from trackflow_tests.docs.data_model import data_model
from trackflow_tests.docs.http_reference import http_reference
from trackflow_tests.docs.metrics_reference import metrics_reference
from trackflow_tests.docs.settings_reference import settings_page

DOCS = Path(__file__).parents[2] / "docs"

PAGES: dict[str, Callable[[], str]] = {
    "data-model.md": data_model,
    "reference/cli.md": cli_reference,
    "reference/http.md": http_reference,
    "reference/metrics.md": metrics_reference,
    "reference/settings.md": settings_page,
}
"""What makes each page, by its path below `docs/`."""


def main() -> None:
    """Write all pages."""
    for name, made in PAGES.items():
        (DOCS / name).write_text(made(), "utf-8")


if __name__ == "__main__":
    main()
