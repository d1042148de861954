"""How people see devices: names, colours, icons and groups."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from trackflow.errors import SettingsError
from trackflow.sources.admission import fit_device
from trackflow.store.database import Connection
from trackflow.store.devices import looks
from trackflow.store.devices.looks import DeviceLook as DeviceLook

__all__ = ["ICONS", "DeviceLook", "LookChange", "apply_look"]

ICONS = (
    *("car", "van", "truck", "bus", "plough", "tractor", "motorcycle", "bicycle", "walker"),
    *("runner", "dog", "boat", "plane", "train", "phone", "trailer"),
)
"""Icons that a device can have."""

COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class LookChange:
    """Changes of how a device is shown; None leaves a part as it is, an empty text takes it away.

    Attributes:
        name: 1 to 200 visible characters.
        colour: such as #0b6bb5.
        icon: one of `ICONS`.
        group: 1 to 200 visible characters.
    """

    name: str | None = None
    colour: str | None = None
    icon: str | None = None
    group: str | None = None


NO_CHANGE = LookChange()


def apply_look(connection: Connection, device_id: str, wanted: LookChange) -> None:
    """Change how a device is shown, which is known.

    Raises:
        SettingsError: a value makes no sense.
    """
    given = {key: text.strip() for key, text in asdict(wanted).items() if text is not None}
    if not given:
        return
    for key in ("name", "group"):
        if given.get(key) and not fit_device(given[key]):
            raise SettingsError(f"the {key} of a device has 1 to 200 visible characters")
    if colour := given.get("colour"):
        given["colour"] = colour.lower()
        if not COLOUR.fullmatch(given["colour"]):
            raise SettingsError(f"{colour!r} is no colour; write it like #0b6bb5")
    if (icon := given.get("icon")) and icon not in ICONS:
        raise SettingsError(f"there is no icon {icon!r}; there are {', '.join(ICONS)}")
    look = looks.read_look(connection, device_id)
    changes: dict[str, Any] = {key: text or None for key, text in given.items()}
    looks.write_look(connection, device_id, replace(look, **changes))
