"""Lengths as reports write them: kilometres, or miles where odometers and rates count those."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from trackflow.errors import BadInputError
from trackflow.mileage.rates import METRES

PLACES = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class LengthUnit:
    """A unit of lengths.

    Attributes:
        name: as in headings: km or mi.
        whole: as in sentences.
    """

    name: str
    whole: str

    def text(self, metres: int | None) -> str:
        """Whole metres with three decimals; kilometres are exact, miles rounded half up."""
        if metres is None:
            return ""
        return f"{(Decimal(metres) / METRES[self.name]).quantize(PLACES, ROUND_HALF_UP):f}"

    def metres(self, shown: float) -> int:
        """Whole metres of what an odometer shows in this unit."""
        return round(Decimal(str(shown)) * METRES[self.name])


KM, MI = LengthUnit("km", "Kilometres"), LengthUnit("mi", "Miles")
UNITS = {one.name: one for one in (KM, MI)}


def unit_named(name: str) -> LengthUnit:
    """A unit by its name.

    Raises:
        BadInputError: there is no such unit.
    """
    if name not in UNITS:
        raise BadInputError(f"there is no unit {name!r}; there are {', '.join(UNITS)}")
    return UNITS[name]
