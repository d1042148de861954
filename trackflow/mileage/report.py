"""The report of a vehicle's month: trips, sums, what is paid, and what changed after closing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from trackflow.mileage.entries import BUSINESS, UNPAID, Content, shown_to
from trackflow.mileage.grouping import DOUBLE
from trackflow.mileage.odometer import Stretch

WITHOUT = "(none)"
"""Name of the sum of trips without a category."""


@dataclass(frozen=True, slots=True)
class ReportTrip:
    """A trip in a report.

    Attributes:
        entry_id: of its entry.
        content: what the book says.
        status: open or closed.
        entry_hash: of a closed one.
    """

    entry_id: str
    content: Content
    status: str
    entry_hash: str | None


@dataclass(frozen=True, slots=True)
class CategorySum:
    """What the trips of a category sum up to.

    Attributes:
        category: its name.
        trips: their number.
        distance_m: whole metres.
        amounts: what is paid, by currency.
        unpaid: trips that are not paid, as the table of rates lacks something for them.
    """

    category: str
    trips: int
    distance_m: int
    amounts: dict[str, Decimal]
    unpaid: int = 0


@dataclass(frozen=True, slots=True)
class MonthReport:
    """A vehicle's month.

    Attributes:
        vehicle_id: the vehicle.
        plate: its number plate.
        kind: of vehicle.
        month: such as 2026-11.
        zone: of the book.
        trips: in order of time; of private ones the kilometres only.
        added: trips that the closed book lacked, as amended, in order of time.
        sums: by category, as the book says.
        amended_sums: by category, with all amendments.
        stretches: between odometer readings that touch the month.
        amendments: made after closing, in their order.
        last_hash: of the last link of the month's entries; None while none is closed.
        book_hash: of the last link of the book.
        left_out: the tracks of the vehicle's devices that the book has not, as their readers see
            them, in order of time.
    """

    vehicle_id: str
    plate: str | None
    kind: str
    month: str
    zone: ZoneInfo
    trips: Sequence[ReportTrip]
    added: Sequence[ReportTrip]
    sums: Sequence[CategorySum]
    amended_sums: Sequence[CategorySum]
    stretches: Sequence[Stretch]
    amendments: Sequence[dict[str, Any]]
    last_hash: str | None
    book_hash: str | None
    left_out: Sequence[Content] = ()

    @property
    def distance_m(self) -> int:
        """All trips, as the book says."""
        return sum(one.distance_m for one in self.sums)

    @property
    def business_share(self) -> float | None:
        """Share of the kilometres that were business, as the book says; None without any."""
        return _business_share(self.sums)

    @property
    def amended_m(self) -> int:
        """All trips, with all amendments."""
        return sum(one.distance_m for one in self.amended_sums)

    @property
    def amended_amounts(self) -> dict[str, Decimal]:
        """What is paid with all amendments, by currency."""
        return amounts_of(self.amended_sums)

    @property
    def amended_business_share(self) -> float | None:
        """Share of the kilometres that were business, with all amendments."""
        return _business_share(self.amended_sums)

    def left_out_sum(self, *, twice: bool) -> tuple[int, int]:
        """How many tracks the book leaves out, and their metres.

        Args:
            twice: those that another device recorded as well, else those without the vehicle.
        """
        some = [one["distance_m"] for one in self.left_out if (one["reason"] == DOUBLE) == twice]
        return len(some), sum(some)

    @property
    def unexplained_m(self) -> int:
        """What the odometer shows beyond the trips, over all its stretches."""
        return sum(one.unexplained_m for one in self.stretches)


def amounts_of(sums: Iterable[CategorySum]) -> dict[str, Decimal]:
    """What is paid over some sums, by currency."""
    found: dict[str, Decimal] = {}
    for one in sums:
        for currency, amount in one.amounts.items():
            found[currency] = found.get(currency, Decimal(0)) + amount
    return found


def _business_share(sums: Sequence[CategorySum]) -> float | None:
    business = sum(one.distance_m for one in sums if one.category == BUSINESS)
    whole = sum(one.distance_m for one in sums)
    return business / whole if whole else None


def sums_of(contents: Iterable[Content]) -> list[CategorySum]:
    """The sums of trips by category, the largest first.

    Args:
        contents: what is said of each trip.
    """
    found: dict[str, CategorySum] = {}
    for content in contents:
        name = content.get("category") or WITHOUT
        before = found.get(name, CategorySum(name, 0, 0, {}))
        found[name] = CategorySum(
            name,
            before.trips + 1,
            before.distance_m + content["distance_m"],
            _with_amount(before.amounts, content),
            before.unpaid + (content.get(UNPAID) is not None),
        )
    return sorted(found.values(), key=lambda one: (-one.distance_m, one.category))


def _with_amount(before: Mapping[str, Decimal], content: Content) -> dict[str, Decimal]:
    """What is paid by currency, with what is paid for a further trip."""
    amount, currency = content.get("amount"), content.get("currency")
    if amount is None or currency is None:
        return dict(before)
    return {**before, currency: before.get(currency, Decimal(0)) + Decimal(amount)}


def for_readers(trips: Sequence[ReportTrip], reader: str | None) -> list[ReportTrip]:
    """Trips as a reader may see them: of others' private trips the kilometres only."""
    return [
        ReportTrip(trip.entry_id, shown_to(trip.content, reader), trip.status, trip.entry_hash)
        for trip in trips
    ]
