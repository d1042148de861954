"""How values of several subjects are read; a ValueError's message names the mistake."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trackflow.errors import SettingsError


def yes_or_no(text: str) -> bool:
    """Whether a text says yes."""
    if text not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return text == "yes"


def storage_address(text: str) -> str:
    """A checked folder or address of fsspec, without a slash at its end."""
    if "://" not in text and not Path(text).is_absolute():
        raise ValueError("is neither an absolute path nor an address such as s3://bucket/meshes")
    return text.rstrip("/")


def web_address(text: str) -> str:
    """A checked base address of a server, without a slash at its end."""
    if not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?", text):
        raise ValueError("is no address of a server; use one such as http://meshes:8100")
    return text.rstrip("/")


def zone_named(name: str) -> ZoneInfo:
    """The time zone of a name such as Europe/Helsinki.

    Raises:
        SettingsError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"{name!r} is no time zone; use a name such as Europe/Helsinki"
        ) from None
