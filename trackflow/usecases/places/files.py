"""Places as CSV: nobody starts from nothing, and nobody is locked in."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.files import chosen_text, plain_table
from trackflow.places.areas import PlaceStatus
from trackflow.usecases.places.editing import DEFAULT_RADIUS_M, PlaceDraft, add_places
from trackflow.usecases.places.reading import list_places

COLUMNS = ("name", "kind", "longitude", "latitude", "radius_m", "device_id")
NEEDED = ("name", "longitude", "latitude")
MOST_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class PlacesImport:
    """The result of an import: places of the file, and those of them that are new or different."""

    places: int
    changed: int


def export_places(
    context: Context, device_id: str | None = None, *, with_learned: bool = False
) -> str:
    """Places as CSV, which `import_places` reads.

    Args:
        context: the store.
        device_id: those of this device and of all devices; None for every place.
        with_learned: whether places are among them about which no person has decided.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in list_places(context, device_id):
        if with_learned or row.status is PlaceStatus.CONFIRMED:
            values = (row.name, row.kind, row.longitude, row.latitude, row.radius_m, row.device_id)
            writer.writerow(["" if value is None else value for value in values])
    return text.getvalue()


def read_file(path: Path) -> str:
    """The text of a file of places.

    Raises:
        BadInputError: it cannot be read, or is too large.
    """
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise BadInputError(f"{path} is larger than {MOST_BYTES / 1e6:.0f} MB")
    return chosen_text(path)


def import_places(context: Context, text: str, by: str) -> PlacesImport:
    """Add the places of a CSV as confirmed ones, all or none; the same file again changes nothing.

    Args:
        context: the store and the clock.
        text: with the columns name, longitude, latitude, and optionally kind, radius_m, device_id,
            between commas, semicolons or tabs.
        by: name of the person.

    Raises:
        BadInputError: a line makes no sense.
        SettingsError: there is no device of a line.
    """
    drafts = list(_drafts(text))
    before = {row.place_id: row for row in list_places(context, with_rejected=True)}
    rows = add_places(context, drafts, by)
    after = {row.place_id: row for row in list_places(context)}
    changed = {row.place_id for row in rows if before.get(row.place_id) != after[row.place_id]}
    return PlacesImport(len(rows), len(changed))


def _drafts(text: str) -> Iterator[PlaceDraft]:
    text, separator = plain_table(text)
    reader = csv.DictReader(io.StringIO(text), delimiter=separator)

    def number(text: str) -> float:
        return float(text if separator == "," else text.replace(",", "."))

    names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    if missing := [name for name in NEEDED if name not in names]:
        raise BadInputError(f"the file of places lacks the column {', '.join(missing)}")
    try:
        for row in reader:
            value = {
                name: (row.get(names[name]) or "").strip() for name in COLUMNS if name in names
            }
            try:
                yield PlaceDraft(
                    value["name"],
                    value.get("kind") or "other",
                    number(value["longitude"]),
                    number(value["latitude"]),
                    number(value.get("radius_m") or str(DEFAULT_RADIUS_M)),
                    value.get("device_id") or None,
                )
            except ValueError:
                raise BadInputError(
                    f"line {reader.line_num}: longitude, latitude and radius_m must be numbers"
                ) from None
    except csv.Error as error:
        raise BadInputError(f"line {reader.line_num}: {error}") from None
