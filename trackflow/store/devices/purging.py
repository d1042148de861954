"""Deletes every trace of a device: one function per kind of table, all in one transaction."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.categories.rule_sets import rename_device
from trackflow.store.places.addresses import drop_unused
from trackflow.store.service_tables import access_tokens, inbox_files, jobs
from trackflow.store.tables import devices, metadata, quarantined_points, receipts

PURGED = "purged"
"""Replaces a delivery's source that named a purged device."""

CHUNK = 500
"""Keys per statement: databases limit how many values one may have."""

STREAMED = {"yield_per": 1_000}
"""Texts of jobs and of refused input may be long, and a short id is in many of them."""


def mentions(device_id: str, text: str | None) -> bool:
    """Whether a text names the device: `van-7` is in "inbox/van-7.gpx", but not in "van-77"."""
    if not text:
        return False
    edge = r"[^\W_]"
    names = "|".join(re.escape(name) for name in _spellings(device_id))
    return bool(re.search(rf"(?<!{edge})(?:{names})(?!{edge})", text))


def _spellings(device_id: str) -> list[str]:
    """The name as it is, and as JSON escapes it."""
    return list(dict.fromkeys((device_id, json.dumps(device_id)[1:-1])))


def delete_device(connection: Connection, device_id: str) -> dict[str, int]:
    """Delete a device's rows in all tables; returns how many, by table.

    The caller has locked the device (`lock_devices`). A worker that has claimed one of its batches
    finds the claim gone and writes nothing.
    """
    counts: dict[str, int] = {}
    for table in reversed(metadata.sorted_tables):
        if "device_id" in table.c and table is not devices:
            counts[table.name] = connection.execute(
                sa.delete(table).where(table.c.device_id == device_id)
            ).rowcount
    # of the places where only this device has stayed, now or before its stays moved
    counts["addresses"] = drop_unused(connection)
    counts["quarantined_points"] += _delete_mentioning_quarantine(connection, device_id)
    counts["devices"] = connection.execute(
        sa.delete(devices).where(devices.c.device_id == device_id)
    ).rowcount
    counts["jobs"] = _clean_jobs(connection, device_id)
    counts["category_rules"] = rename_device(connection, device_id, PURGED)
    counts["receipts"] = _rename(
        connection, receipts.c.source, device_id, lambda _: PURGED, distinct=True
    )
    return counts


def forget_names(
    connection: Connection, device_id: str, stand_in: Callable[[str], str]
) -> dict[str, int]:
    """Replace names in notes of files and tokens that name the device; returns how many."""
    i, a = inbox_files.c, access_tokens.c
    errors = connection.execute(sa.select(i.path, i.error).where(_like(i.error, device_id))).all()
    for path, text in errors:
        if mentions(device_id, text):
            cleared = sa.update(inbox_files).where(i.path == path)
            connection.execute(cleared.values(error="the file could not be read"))
    return {
        "inbox_files": _rename(connection, i.path, device_id, stand_in),
        "access_tokens": _rename(connection, a.name, device_id, lambda _: PURGED, distinct=True),
    }


def sources_of(connection: Connection, device_id: str) -> list[str]:
    """The sources of a device's points: names of files, senders and tables."""
    p = metadata.tables["gps_points"].c
    query = sa.select(p.source).where(p.device_id == device_id).distinct().order_by(p.source)
    return list(connection.scalars(query))


def is_known(connection: Connection, device_id: str) -> bool:
    """Whether any table has rows of the device, even if none of its points was ever accepted."""
    return any(
        connection.scalar(
            sa.select(sa.literal(1))
            .select_from(table)
            .where(table.c.device_id == device_id)
            .limit(1)
        )
        for table in metadata.tables.values()
        if "device_id" in table.c
    )


def _delete_mentioning_quarantine(connection: Connection, device_id: str) -> int:
    """Delete refused input that names the device, although no device could be read from it."""
    q = quarantined_points.c
    nameless = sa.or_(q.device_id.is_(None), sa.func.trim(q.device_id) == device_id)
    rows = connection.execute(
        sa.select(q.content_hash, q.raw, q.source, q.envelope).where(
            nameless, sa.or_(*(_like(c, device_id) for c in (q.raw, q.source, q.envelope)))
        ),
        execution_options=STREAMED,
    )
    found = [
        row.content_hash
        for row in rows
        if any(mentions(device_id, text) for text in (row.raw, row.source, row.envelope))
    ]
    _delete_keys(connection, q.content_hash, found)
    return len(found)


def _clean_jobs(connection: Connection, device_id: str) -> int:
    """Delete jobs whose parameters name the device; clear other columns that name it."""
    j = jobs.c
    json_columns = (j.parameters, j.result)
    texts = {c.name: c for c in (j.message, j.error)} | {
        c.name: sa.cast(c, sa.Text) for c in json_columns
    }
    rows = connection.execute(
        sa.select(j.job_id, *(text.label(name) for name, text in texts.items())).where(
            sa.or_(*(_like(text, device_id) for text in texts.values()))
        ),
        execution_options=STREAMED,
    )
    gone, cleared = [], {}
    for row in rows.mappings():
        named = [name for name in texts if mentions(device_id, row[name])]
        if "parameters" in named:
            gone.append(row["job_id"])
        elif named:
            cleared[row["job_id"]] = dict.fromkeys(named, sa.null())
    for job_id, nothing in cleared.items():
        connection.execute(sa.update(jobs).where(j.job_id == job_id).values(nothing))
    _delete_keys(connection, j.job_id, gone)
    return len(gone) + len(cleared)


def _rename(
    connection: Connection,
    column: "sa.Column[str]",
    device_id: str,
    stand_in: Callable[[str], str],
    *,
    distinct: bool = False,
) -> int:
    query = sa.select(column).where(_like(column, device_id))
    names = connection.scalars(query.distinct() if distinct else query).all()
    return sum(
        connection.execute(
            sa.update(column.table).where(column == name).values({column.name: stand_in(name)})
        ).rowcount
        for name in names
        if mentions(device_id, name)
    )


def _like(column: sa.ColumnElement[Any], device_id: str) -> sa.ColumnElement[bool]:
    return sa.or_(*(column.contains(name, autoescape=True) for name in _spellings(device_id)))


def _delete_keys(connection: Connection, key: "sa.Column[Any]", keys: Sequence[Any]) -> None:
    for start in range(0, len(keys), CHUNK):
        part = keys[start : start + CHUNK]
        connection.execute(sa.delete(key.table).where(key.in_(part)))
