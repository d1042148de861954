"""Settings of a device, asked for by any text."""

from pathlib import Path

import pytest

from trackflow.errors import NotFoundError
from trackflow.usecases.devices.settings import check_device, read_settings
from trackflow_tests.helpers.stores import open_context


def test_what_no_device_can_be_called_is_not_found(database_url: str, tmp_path: Path) -> None:
    """PostgreSQL refuses a NUL, and JSON for SQLite half a surrogate pair."""
    with open_context(database_url, tmp_path) as context:
        for name in ("a\0", "\ud800", "", "x" * 201, "unknown"):
            with pytest.raises(NotFoundError):
                check_device(context, name)
            with pytest.raises(NotFoundError):
                read_settings(context, name)
