"""The geocoder as a service that is asked for addresses: spaced, behind a breaker and a switch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trackflow import __version__
from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.polite import PoliteClient
from trackflow.context import Context
from trackflow.errors import LeftAloneError, SettingsError, SourceUnavailableError
from trackflow.places.geocoding import Geocoder
from trackflow.places.stays import middle_of
from trackflow.store.places.addresses import AddressRow
from trackflow.store.service_guard import ServiceGuard
from trackflow.usecases.housekeeping.kill_switches import switch_of
from trackflow.usecases.places.addresses import address_geocoder

USER_AGENT = f"trackflow/{__version__} (addresses of stays)"


@dataclass(frozen=True, slots=True)
class AddressService:
    """The geocoder with everything that keeps calls to it polite. Threads share it.

    Attributes:
        geocoder: makes the requests.
        web: spaces the requests; its switch stops all of them.
        guard: the breaker that all processes share.
    """

    geocoder: Geocoder
    web: PoliteClient
    guard: ServiceGuard

    def address_of(self, row: AddressRow, deadline: Deadline) -> str | None:
        """The address of a cell; one try.

        Raises:
            LeftAloneError: the geocoder is left alone; nothing was asked.
            SourceError: it cannot be asked, or its answer makes no sense.
            StoppedError: it is switched off.
        """
        return self.guard.call(
            lambda: self.geocoder.address_at(middle_of(row.cell), self.web, deadline)
        )


@contextmanager
def opened_service(context: Context) -> Iterator[AddressService]:
    """The geocoder of the settings.

    Raises:
        SettingsError: addresses are switched off, or the geocoder's settings make no sense.
    """
    geocoder = chosen_geocoder(context)
    settings = context.settings
    client = HttpClient(connections=settings.geocoder_connections)
    switch = switch_of(context, geocoder.site)
    service = service_of(geocoder)
    limit = context.services.rate(service, settings.geocoder_per_s)
    connections = context.services.connections(service, settings.geocoder_connections)
    with PoliteClient(limit, switch, USER_AGENT, client=client, connections=connections) as web:
        yield AddressService(geocoder, web, guard_of(context, geocoder))


def service_of(geocoder: Geocoder) -> str:
    """The name under which all processes share the limits and the breaker of a geocoder."""
    return f"geocoder {geocoder.site}"


def guard_of(context: Context, geocoder: Geocoder) -> ServiceGuard:
    """The breaker of a geocoder, whatever it is asked for."""
    return ServiceGuard(
        service_of(geocoder),
        "the geocoder",
        SourceUnavailableError,
        context.store,
        context.clock,
        LeftAloneError,
    )


def chosen_geocoder(context: Context) -> Geocoder:
    """The geocoder that is asked for addresses.

    Raises:
        SettingsError: addresses are switched off.
    """
    geocoder = address_geocoder(context)
    if geocoder is None:
        raise SettingsError(
            "no geocoder is set up for addresses: set TRACKFLOW_GEOCODER_URL, and not "
            "TRACKFLOW_ADDRESSES=no"
        )
    return geocoder
