"""Where trips began and ended stands in the book by its address, where no place has a name."""

import datetime as dt
from pathlib import Path

import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY
from trackflow.store.places.tables import addresses
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import BookTrip, amend_entry, list_entries, verify_books
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.places.addressing import AddressLimits, address_all
from trackflow.usecases.places.editing import PlaceDraft, add_place
from trackflow_tests.helpers.place_server import PlaceServer, running
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.usecases.places.test_visits import VENUE, stay


def visit(day: int) -> Points:
    """A drive to the venue, an hour and a half there, and a drive on."""
    at = NOON + day * ONE_DAY
    come = drive(at - dt.timedelta(minutes=20), 120, lon=VENUE[0] - 120 * 2e-4)
    return Points.concat(
        [come, stay(at, 90), drive(at + dt.timedelta(minutes=90), 120, lon=VENUE[0])]
    )


def ask(context: Context, server: PlaceServer, town: str) -> None:
    """Ask for all addresses, also for those that are known."""
    server.town = town
    with context.store.write() as connection:
        connection.execute(sa.update(addresses).values(next_try_at=context.clock()))
    address_all(context, limits=AddressLimits(patience_s=0.0))


def places_of(context: Context) -> list[tuple[str | None, str | None]]:
    found = []
    for trip in trips(context):
        ends = (trip.content["start_place"], trip.content["end_place"])
        found.append(tuple(end and end.rpartition(", ")[2] for end in ends))
    return found


def trips(context: Context) -> list[BookTrip]:
    return list_entries(context)


def test_open_trips_follow_addresses_and_closed_ones_only_names(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock(NOON + 2 * ONE_DAY)
    with (
        running(PlaceServer()) as server,
        open_context(
            database_url, tmp_path, clock, geocoder_url=server.url, geocoder_per_s=1e5
        ) as context,
    ):
        fleet.save_vehicle(context, "V")
        deliver(context.store, batch_of_device("van", visit(0)))
        fleet.put_device(context, "V", "van")
        run(context)
        follow_tracks(context)
        assert places_of(context) == [(None, None), (None, None)], "nobody was asked yet"

        ask(context, server, "Town")
        follow_tracks(context)
        assert places_of(context) == [(None, "Town"), ("Town", None)]

        clock.time += 7 * ONE_DAY
        assert close_due(context).closed == 2
        deliver(context.store, batch_of_device("van", visit(5)))
        run(context)
        follow_tracks(context)
        ask(context, server, "City")
        follow_tracks(context)
        assert places_of(context)[:2] == [(None, "Town"), ("Town", None)], "closed"
        assert places_of(context)[2:] == [(None, "City"), ("City", None)], "open"
        assert not any(trip.amendments for trip in trips(context))

        second = trips(context)[1]
        amend_entry(
            context, second.trip_id, {"start_place": "Smith"}, reason="found it", amended_by="anna"
        )
        ask(context, server, "Hamlet")
        follow_tracks(context)
        assert [len(trip.amendments) for trip in trips(context)] == [0, 1, 0, 0]
        assert trips(context)[1].content["start_place"] == "Smith"

        add_place(context, PlaceDraft("Client", "customer", *VENUE), by="anna")
        for _ in range(2):
            follow_tracks(context, everything=True)
            assert places_of(context)[:2] == [(None, "Client"), ("Smith", None)]
            assert [len(trip.amendments) for trip in trips(context)] == [1, 1, 0, 0]
        ask(context, server, "Village")
        follow_tracks(context)
        assert [len(trip.amendments) for trip in trips(context)] == [1, 1, 0, 0]
        assert all(one.is_intact for one in verify_books(context))
