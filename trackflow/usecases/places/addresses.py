"""Which positions need an address, and the addresses that are known.

Off unless a geocoder is set up. The queue is the table `addresses`: a missing or failing geocoder
means "no address yet", never an error of the work that wants it.
"""

from collections.abc import Iterable, Sequence

from trackflow.context import Context
from trackflow.places.geocoding import Coordinates, Geocoder, geocoder_at
from trackflow.places.stays import cell_of
from trackflow.store.database import Connection
from trackflow.store.places import addresses
from trackflow.store.places.stays import StayRow


def address_geocoder(context: Context) -> Geocoder | None:
    """The geocoder that is asked for addresses; None if they are switched off."""
    settings = context.settings
    if not settings.geocoder_url or not settings.addresses:
        return None
    return geocoder_at(settings.geocoder_url)


def want_addresses(context: Context, connection: Connection, rows: Iterable[StayRow]) -> int:
    """Queue the addresses of stays, in a transaction of the caller; returns how many are new.

    Args:
        context: the settings and the clock.
        connection: in a transaction for writing.
        rows: the stays.
    """
    geocoder = address_geocoder(context)
    if geocoder is None:
        return 0
    cells = [row.cell for row in rows]
    return addresses.want(connection, cells, geocoder.name, context.clock())


def addresses_at(context: Context, positions: Sequence[Coordinates]) -> list[str | None]:
    """The known addresses of positions, in their order; None where none is known yet."""
    cells = [cell_of(one.longitude, one.latitude) for one in positions]
    with context.store.read() as connection:
        rows = addresses.read(connection, list(dict.fromkeys(cells)))
    return [rows[cell].address if cell in rows else None for cell in cells]
