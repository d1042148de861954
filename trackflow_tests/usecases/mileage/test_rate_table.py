"""A table of rates is taken if every book can be paid by it, and else refused in words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.rates import PaidTrip, payments
from trackflow.usecases.mileage.rate_table import parse_rates
from trackflow_tests.helpers.stores import NOON

NEEDED = {"id": '"own"', "from": "2026-01-01", "currency": '"EUR"', "unit": '"km"', "amount": "0.3"}


def table(**changes: str) -> str:
    lines = [f"{name} = {value}" for name, value in (NEEDED | changes).items()]
    return "\n".join(["[[rate]]", *lines])


numbers = st.one_of(
    st.decimals(-2, 10**12, allow_nan=False).map(str),
    st.sampled_from(["1e24", "1e30", "1e400000", "1e-400000", "1e9", "0.000000001", "9" * 40]),
)


@given(numbers, st.lists(st.integers(0, 10**10), min_size=1, max_size=6))
def test_what_is_taken_pays_any_trips(amount: str, metres: list[int]) -> None:
    try:
        rates = parse_rates(table(amount=f'"{amount}"'))
    except BadInputError:
        return
    trips = [
        PaidTrip(str(k), NOON.date() + k * ONE_DAY, None, "van", "van", one)
        for k, one in enumerate(metres)
    ]
    paid = sum(one.amount for one in payments(trips, rates).values())
    assert abs(paid - sum(metres) * Decimal(amount) / 1000) <= Decimal("0.005")


def test_a_table_from_windows_is_a_table() -> None:
    windows = "\ufeff" + table().replace("\n", "\r\n")
    assert parse_rates(windows) == parse_rates(table())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (table(id='""'), "no text"),
        (table(id='"a\\u0000"'), "no text"),
        (table(currency='" "'), "no text"),
        (table(category='""'), "no text"),
        (table(source=f'"{"x" * 10_000}"'), "no text"),
        (table(vehicle_kind='"spaceship"'), "there are car, van"),
        (table(amount="9" * 5000), "no TOML"),
        ("x = " + "[" * 2000, "no TOML"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(text: str, named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        parse_rates(text)
