"""The usage report of a month as a file beside the store."""

import datetime as dt
from pathlib import Path

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.files import whole_file
from trackflow.usecases.meshes.usage import UsageReport

FOLDER = "reports"


def write_usage_report(context: Context, report: UsageReport) -> Path:
    """Write the report as Markdown; an older file of the same month is replaced.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    path = context.settings.home / FOLDER / file_name(report.month)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(report.to_markdown().encode())
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from None
    return path


def file_name(month: dt.date) -> str:
    """The name of the file of a month."""
    return f"meshes-{month:%Y-%m}.md"
