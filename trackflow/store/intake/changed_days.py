"""The days that got points in a delivery, with the neighbours whose buffer they touch."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.points import Ints
from trackflow.geo.time import DAY_US, day_of_index
from trackflow.sources.records import PointBatch
from trackflow.store.days import batch_marks
from trackflow.store.devices.settings import AdmissionRules
from trackflow.store.intake.rivals import MET, TimeSpan, incoming
from trackflow.store.tables import gps_points
from trackflow.store.types import epoch_us


def days_of_rows(
    points: PointBatch, rows: Ints, rules: Mapping[str, AdmissionRules]
) -> list[batch_marks.ChangedDay]:
    """The days of rows that are all new, and in order of device and time."""
    device, time_us = points.device[rows], points.time_us[rows]
    day = time_us // DAY_US
    starts = np.flatnonzero((np.diff(device, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0))
    ends = np.append(starts[1:], len(rows)) - 1
    return [
        changed_day(
            points.devices[device[start]],
            int(day[start]),
            int(end - start + 1),
            (int(time_us[start]), int(time_us[end])),
            rules,
        )
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def changed_day(
    device_id: str,
    index: int,
    count: int,
    span_us: tuple[int, int],
    rules: Mapping[str, AdmissionRules],
) -> batch_marks.ChangedDay:
    """A day that got points.

    Args:
        device_id: the device.
        index: the number of the day since 1970.
        count: how many points.
        span_us: times of the first and the last of them, in microseconds since 1970.
        rules: admission rules by device.
    """
    buffer_us = rules[device_id].buffer_us
    return batch_marks.ChangedDay(
        device_id=device_id,
        day=day_of_index(index),
        points=count,
        touches_previous=span_us[0] - index * DAY_US < buffer_us,
        touches_next=span_us[1] - index * DAY_US >= DAY_US - buffer_us,
    )


def changed_days(
    connection: Connection, seq: int, rules: Mapping[str, AdmissionRules], span: TimeSpan
) -> list[batch_marks.ChangedDay]:
    """The days of the points that a delivery has brought, in no order.

    Args:
        connection: in a transaction for writing.
        seq: the number of its receipt.
        rules: admission rules by device.
        span: the times of its points.
    """
    values = {"seq": seq, "first": span[0], "last": span[1]}
    return [
        changed_day(device, index, count, (first_us, last_us), rules)
        for device, index, count, first_us, last_us in connection.execute(_days_brought(), values)
    ]


@functools.cache
def _days_brought() -> sa.Select[Any]:
    p = gps_points.c
    time = epoch_us(p.recorded_at)
    day = sa.type_coerce(time // DAY_US, sa.BigInteger)
    return (
        sa.select(p.device_id, day, sa.func.count(), sa.func.min(time), sa.func.max(time))
        .join(incoming, MET)
        .where(p.received_seq == sa.bindparam("seq"))
        .group_by(p.device_id, day)
    )
