"""Reads a person's table of rates from a TOML file, and replaces the stored one by it."""

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from trackflow.categories.rules.reading import LONGEST_TEXT, is_text
from trackflow.context import Context
from trackflow.errors import BadInputError, ChangedMeanwhileError
from trackflow.files import chosen_text
from trackflow.mileage.rates import VEHICLE, Rate, Tier
from trackflow.store.mileage import rates
from trackflow.usecases.mileage.fleet import KINDS
from trackflow.words import category_named

NAMES = {
    *("id", "from", "until", "category", "vehicle_kind", "currency", "unit", "amount", "tiers"),
    *("year_start", "source", "per"),
}

MOST, MOST_DECIMALS = Decimal(1_000_000_000), 9
"""Of an amount or a limit: with more digits, the sum of a year could not be rounded exactly, and no
book that it pays could be read any more."""


def import_rates(context: Context, path: Path) -> list[Rate]:
    """Replace the table of rates by that of a TOML file; returns it.

    Raises:
        BadInputError: the file cannot be read, or a rate makes no sense.
    """
    return save_rates(context, chosen_text(path))


def save_rates(context: Context, text: str, made_from: str | None = None) -> list[Rate]:
    """Replace the table of rates by that of a TOML document; returns it.

    Args:
        context: the store.
        text: the document.
        made_from: the document that the person saw and changed; None if that is not known.

    Raises:
        BadInputError: it is no TOML, or a rate makes no sense.
        ChangedMeanwhileError: the table is another one by now than `made_from`.
    """
    found = parse_rates(text)
    seen = None if made_from is None else parse_rates(made_from)
    with context.store.write() as connection:
        rates.lock_rates(connection)
        if seen not in (None, rates.read_rates(connection)):
            raise ChangedMeanwhileError(
                "somebody has changed the rates meanwhile: look at them again, and change them as "
                "they are now"
            )
        rates.replace_rates(connection, found)
    return found


def list_rates(context: Context) -> list[Rate]:
    """All rates, by name and first day."""
    with context.store.read() as connection:
        return rates.read_rates(connection)


def parse_rates(text: str) -> list[Rate]:
    """The rates of a TOML document: an array of tables `rate`.

    Raises:
        BadInputError: it is no TOML, or a rate makes no sense; the message names it.
    """
    try:
        # decimals, as an amount of money has no binary fraction
        document = tomllib.loads(text.removeprefix("\ufeff"), parse_float=Decimal)
    except (
        ValueError,
        RecursionError,
    ) as error:  # not all are TOMLDecodeError
        raise BadInputError(f"this is no TOML: {error}") from None
    given = document.pop("rate", [])
    if document or not isinstance(given, list):
        raise BadInputError("a table of rates has nothing but [[rate]] parts")
    found = [_rate(values, number) for number, values in enumerate(given, 1)]
    keys = [(rate.rate_id, rate.valid_from) for rate in found]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise BadInputError(f"rate {twice[0]} from {twice[1]} is there twice")
    _check_versions(found)
    return sorted(found, key=lambda rate: (rate.rate_id, rate.valid_from))


def _check_versions(found: Sequence[Rate]) -> None:
    """Check that the versions of each rate add up: one sum of a year is rounded in one currency."""
    first: dict[str, Rate] = {}
    for rate in found:
        other = first.setdefault(rate.rate_id, rate)
        for name in ("currency", "year_start"):
            if getattr(rate, name) != getattr(other, name):
                raise BadInputError(
                    f"rate {rate.rate_id}: its versions differ in {name} and add up to no year; "
                    "give one of them another id"
                )


def _rate(values: Any, number: int) -> Rate:
    if not isinstance(values, Mapping):
        raise BadInputError(f"rate {number} is no table")
    name = str(values.get("id", f"number {number}"))
    unknown = sorted(set(values) - NAMES)
    if unknown:
        raise BadInputError(f"rate {name} has {unknown[0]!r}; there are {', '.join(sorted(NAMES))}")
    missing = [key for key in ("id", "from", "currency", "unit") if key not in values]
    if missing:
        raise BadInputError(f"rate {name} lacks {missing[0]!r}")
    if ("amount" in values) == ("tiers" in values):
        raise BadInputError(f"rate {name} has either an amount or tiers")
    tiers = values.get("tiers", [{"amount": values.get("amount")}])
    until = values.get("until")
    kind = _text(values.get("vehicle_kind"), name)
    if kind not in (None, *KINDS):
        raise BadInputError(
            f"rate {name}: {kind!r} is no kind of vehicle; there are {', '.join(KINDS)}"
        )
    category = _text(values.get("category"), name)
    return Rate(
        _some_text(values["id"], name),
        _day(values["from"], name),
        None if until is None else _day(until, name),
        None if category is None else category_named(category),
        kind,
        _some_text(values["currency"], name),
        str(values["unit"]),
        tuple(_tier(tier, name) for tier in _list(tiers, name)),
        _year_start(str(values.get("year_start", "01-01")), name),
        _text(values.get("source"), name),
        str(values.get("per", VEHICLE)),
    )


def _list(value: Any, name: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise BadInputError(f"rate {name}: tiers is a list")
    return value


def _text(value: Any, name: str) -> str | None:
    return None if value is None else _some_text(value, name)


def _some_text(value: Any, name: str) -> str:
    text = str(value).strip()
    if not is_text(text):
        raise BadInputError(
            f"rate {name}: {text[:30]!r} is no text of 1 to {LONGEST_TEXT} characters"
        )
    return text


def _tier(value: Any, name: str) -> Tier:
    if not isinstance(value, Mapping) or set(value) - {"up_to", "amount"}:
        raise BadInputError(f"rate {name}: a tier has up_to and amount")
    limit = value.get("up_to")
    return Tier(
        None if limit is None else _decimal(limit, name), _decimal(value.get("amount"), name)
    )


def _decimal(value: Any, name: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadInputError(f"rate {name}: {value!r} is no number") from None
    if not number.is_finite():
        raise BadInputError(f"rate {name}: {value!r} is no number")
    if not 0 <= number <= MOST or number != round(number, MOST_DECIMALS):
        raise BadInputError(
            f"rate {name}: a number is from 0 to {MOST:,} and has {MOST_DECIMALS} decimals at most"
        )
    return number


def _day(value: Any, name: str) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise BadInputError(f"rate {name}: {value!r} is no day such as 2026-01-01") from None


def _year_start(text: str, name: str) -> tuple[int, int]:
    try:
        day = dt.date.fromisoformat(f"2001-{text}")
    except ValueError:
        raise BadInputError(f"rate {name}: year_start is month and day, such as 04-06") from None
    return day.month, day.day
