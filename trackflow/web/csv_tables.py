"""A CSV file of what people decided, in the body of a request."""

from pydantic import Field

from trackflow.sources.values.moments import DateOrder
from trackflow.sources.values.zones import zone_option
from trackflow.usecases.categories.decided_files import FileOptions
from trackflow.web.parameters import Body

LONGEST_CSV = 10_000_000


class CsvBody(Body):
    """A CSV file, and what it may leave open."""

    csv: str = Field(description="The file's text.", max_length=LONGEST_CSV)
    device_id: str | None = Field(
        None, description="The device of rows that name none.", max_length=200
    )
    time_zone: str | None = Field(
        None, description="Of times that name none; null for each device's own.", max_length=100
    )
    dates: DateOrder | None = Field(
        None, description="Of dates like 1/5/2026; null as the file shows."
    )

    def data(self) -> bytes:
        """The file."""
        return self.csv.encode("utf-8", "replace")  # JSON can hold halves of characters

    def options(self) -> FileOptions:
        """What the file may leave open.

        Raises:
            SettingsError: there is no such time zone.
        """
        zone = None if self.time_zone is None else zone_option(self.time_zone)
        return FileOptions(zone, self.dates, self.device_id)
