"""What tracks were for, as pages and exports read it."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackflow.context import Context
from trackflow.geo.time import EARLIEST, LATEST
from trackflow.store.categories import categories
from trackflow.store.days.queries import Devices

type CategoryRow = Mapping[str, Any]
"""The columns of `categories` by name."""


@dataclass(frozen=True, slots=True)
class CategoryPage:
    """Some rows, and the position after which the next page begins; None on the last one."""

    rows: list[CategoryRow]
    following: tuple[dt.datetime, uuid.UUID] | None


def read_categories(
    context: Context,
    device_ids: Devices,
    start: dt.datetime | None,
    end: dt.datetime | None,
) -> list[CategoryRow]:
    """What all tracks were for that begin in a time, by start.

    Args:
        context: the store.
        device_ids: the devices; None for all.
        start: aware; None for no limit.
        end: aware, not included; None for no limit.
    """
    with context.store.read() as connection:
        return categories.read_page(connection, device_ids, start or EARLIEST, end or LATEST)


def read_category_page(
    context: Context,
    device_ids: Devices,
    start: dt.datetime,
    end: dt.datetime,
    after: tuple[dt.datetime, uuid.UUID] | None,
    limit: int,
) -> CategoryPage:
    """A page of what tracks were for that begin in a time, by start.

    Args:
        context: the store.
        device_ids: the devices; None for all.
        start: aware.
        end: aware, not included.
        after: the `following` of the page before; None for the first page.
        limit: the largest number of rows.
    """
    with context.store.read() as connection:
        rows = categories.read_page(
            connection, device_ids, start, end, after=after, limit=limit + 1
        )
    page = rows[:limit]
    more = len(rows) > limit
    following = (page[-1]["start_time"], page[-1]["track_id"]) if more else None
    return CategoryPage(page, following)
