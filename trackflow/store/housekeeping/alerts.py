"""Alerts, and what has been sent of them to each channel.

A row of a channel holds what the channel has heard; an alert that differs from it is due. So no
message is lost between a change and its note, whatever kills the process, and each channel is tried
again by itself.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.clocks import is_impossible
from trackflow.store.dialects import insert_into
from trackflow.store.housekeeping.tables import alert_channels, alerts

a = alerts.c
h = alert_channels.c

CLEAR_FOR = dt.timedelta(minutes=10)
"""An alert has ended when its rule has not found it for so long: else it would come and go."""

TOLD_AGAIN_AFTER = dt.timedelta(days=1)

KEPT_FOR = dt.timedelta(days=30)
"""Ended alerts are deleted then."""

LONGEST_REST_S = 3600.0

BEGUN, ENDED = "begun", "ended"

type AlertKey = tuple[str, str]
"""The rule and the device (empty for none)."""


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as it is stored.

    Attributes:
        rule: that found it.
        device_id: of an alert about one device; empty for the others.
        message: what is wrong, without the device.
        started_at: when it began, UTC.
        ended_at: when it ended, UTC; None while it is on.
    """

    rule: str
    device_id: str
    message: str
    started_at: dt.datetime
    ended_at: dt.datetime | None

    @property
    def key(self) -> AlertKey:
        """What identifies it."""
        return self.rule, self.device_id


_COLUMNS = [a[name] for name in StoredAlert.__dataclass_fields__]


def read_on(connection: Connection) -> list[StoredAlert]:
    """The alerts that are on, by rule and device."""
    query = sa.select(*_COLUMNS).where(a.ended_at.is_(None)).order_by(a.rule, a.device_id)
    return [StoredAlert(*row) for row in connection.execute(query)]


def note_found(
    connection: Connection,
    found: Mapping[AlertKey, str],
    channels: Collection[str],
    now: dt.datetime,
) -> None:
    """Note what the rules find now: begin new alerts, and end those that were clear for long.

    Args:
        connection: in a transaction for writing.
        found: the message of each alert.
        channels: that get new alerts.
        now: the time, UTC.
    """
    on = {alert.key: alert for alert in read_on(connection)}
    for key, message in sorted(found.items()):
        if key in on:
            values = {"message": message, "clear_since": None}
            differs = sa.or_(a.message != message, a.clear_since.is_not(None))
            connection.execute(sa.update(alerts).where(_is(key), differs).values(values))
        else:
            _begin(connection, key, message, now)
    for key in sorted(on.keys() - found.keys()):
        since = sa.func.coalesce(a.clear_since, sa.literal(now, a.clear_since.type))
        connection.execute(sa.update(alerts).where(_is(key)).values(clear_since=since))
    connection.execute(
        sa.update(alerts)
        .where(a.ended_at.is_(None), a.clear_since <= now - CLEAR_FOR)
        .values(ended_at=now)
    )
    _delete_old(connection, now)
    rows = [
        {"rule": rule, "device_id": device_id, "channel": channel, "next_try_at": now}
        for rule, device_id in sorted(found)
        for channel in sorted(channels)
    ]
    if rows:
        connection.execute(insert_into(connection, alert_channels).on_conflict_do_nothing(), rows)


def _begin(connection: Connection, key: AlertKey, message: str, now: dt.datetime) -> None:
    values = {"message": message, "started_at": now, "clear_since": None, "ended_at": None}
    insert = insert_into(connection, alerts).values(rule=key[0], device_id=key[1], **values)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[a.rule, a.device_id],
            set_=values,
            where=a.ended_at.is_not(None),  # another process may have begun it just now
        )
    )


def _is(key: AlertKey) -> sa.ColumnElement[bool]:
    return sa.and_(a.rule == key[0], a.device_id == key[1])


def _delete_old(connection: Connection, now: dt.datetime) -> None:
    connection.execute(sa.delete(alerts).where(a.ended_at < now - KEPT_FOR))
    there = sa.exists().where(a.rule == h.rule, a.device_id == h.device_id)
    connection.execute(sa.delete(alert_channels).where(sa.not_(there)))


def take_due(
    connection: Connection,
    channel: str,
    silenced: Collection[str],
    now: dt.datetime,
    *,
    hold_s: float,
) -> list[StoredAlert]:
    """What a channel has to hear now, held for so many seconds: nobody else sends it meanwhile.

    Args:
        connection: in a transaction for writing.
        channel: the channel.
        silenced: rules and devices that are not told.
        now: the time, UTC.
        hold_s: a process that has not noted the outcome by then has died.
    """
    is_on = a.ended_at.is_(None)
    never = h.heard_at.is_(None)
    is_new = sa.or_(never, h.heard != BEGUN, h.heard_at < a.started_at)
    is_daily = sa.or_(h.heard_at <= now - TOLD_AGAIN_AFTER, is_impossible(h.heard_at, now, 0.0))
    is_over = sa.or_(never, h.heard != ENDED, h.heard_at < a.ended_at)
    rested = sa.or_(h.next_try_at <= now, is_impossible(h.next_try_at, now, LONGEST_REST_S))
    query = (
        sa.select(*_COLUMNS)
        .join_from(alert_channels, alerts, sa.and_(a.rule == h.rule, a.device_id == h.device_id))
        .where(
            h.channel == channel,
            rested,
            sa.or_(sa.and_(is_on, sa.or_(is_new, is_daily)), sa.and_(sa.not_(is_on), is_over)),
        )
        .order_by(a.rule, a.device_id)
        .with_for_update(skip_locked=True, of=alert_channels)
    )
    found = [
        alert
        for alert in (StoredAlert(*row) for row in connection.execute(query))
        if not {alert.rule, alert.device_id} & {*silenced}
    ]
    _update_channel(connection, channel, found, {"next_try_at": now + dt.timedelta(seconds=hold_s)})
    return found


def note_heard(
    connection: Connection, channel: str, told: Sequence[StoredAlert], now: dt.datetime
) -> None:
    """Note that a channel has taken a message about alerts, as they were then."""
    for heard, part in (
        (BEGUN, [alert for alert in told if alert.ended_at is None]),
        (ENDED, [alert for alert in told if alert.ended_at is not None]),
    ):
        values = {"heard": heard, "heard_at": now, "tries": 0, "next_try_at": now}
        _update_channel(connection, channel, part, values)


def note_failed(
    connection: Connection, channel: str, told: Sequence[StoredAlert], now: dt.datetime
) -> None:
    """Note that a channel did not take a message: it is tried again, later each time."""
    if not told:
        return
    tries = connection.scalar(sa.select(sa.func.max(h.tries)).where(h.channel == channel)) or 0
    rest_s = min(60.0 * 2.0 ** min(tries, 16), LONGEST_REST_S)
    values = {"tries": h.tries + 1, "next_try_at": now + dt.timedelta(seconds=rest_s)}
    _update_channel(connection, channel, told, values)


def _update_channel(
    connection: Connection,
    channel: str,
    told: Sequence[StoredAlert],
    values: Mapping[str, object],
) -> None:
    for alert in told:
        connection.execute(
            sa.update(alert_channels)
            .where(h.channel == channel, h.rule == alert.rule, h.device_id == alert.device_id)
            .values(dict(values))
        )


def forget_channels(connection: Connection, channels: Collection[str]) -> None:
    """Delete what channels other than these have heard: their addresses are no longer set."""
    connection.execute(sa.delete(alert_channels).where(h.channel.not_in(channels)))
