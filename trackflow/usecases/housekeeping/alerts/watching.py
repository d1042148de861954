"""Looks for alerts, notes them in the store, and tells people when they begin and end."""

import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.notifications.notifier import AppriseNotifier, Message
from trackflow.store.housekeeping import alerts
from trackflow.store.housekeeping.alerts import StoredAlert
from trackflow.usecases.housekeeping.alerts.rules import ADVICE, find_alerts, in_words
from trackflow.usecases.housekeeping.alerts.snapshot import (
    limits_of,
    read_snapshot,
    sample_disks,
)
from trackflow.usecases.housekeeping.health import WriteProbe

HOLD_S = 120.0
"""A process that has not noted the result of a message by then has died."""

SENDING_S = 40.0
"""For all channels together: a tick of Dagster's sensor has a minute."""

MOST_LISTED = 15
"""Alerts in one message."""

log = logging.getLogger(__name__)

type Send = Callable[[int, str, str, str, Message], bool]
"""Sends to an address (its number from 1, and itself) a title and a text; whether it took them."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong now.

    Attributes:
        rule: that found it.
        device_id: of an alert about one device; empty for the others.
        message: what is wrong, without the device.
        advice: what to do.
        started_at: when it was first found, UTC; None if nobody has noted it yet.
        silenced: whether the settings silence it.
    """

    rule: str
    device_id: str
    message: str
    advice: str
    started_at: dt.datetime | None
    silenced: bool

    def __str__(self) -> str:
        about = f" {self.device_id}" if self.device_id else ""
        return f"{self.rule}{about}: {self.message}"


@dataclass(slots=True)
class WatchReport:
    """What a look has found and told.

    Attributes:
        on: alerts that are on.
        messages: sent.
        failed: messages that a channel did not take; they are tried again.
    """

    on: list[StoredAlert] = field(default_factory=list)
    messages: int = 0
    failed: int = 0


DATABASE = "database"
"""The alert of a database that takes no writes: no rule's, as nobody could note it there."""

DATABASE_ADVICE = (
    "Look at the database, its disk and its rights: `trackflow status` on its machine says more. "
    "Senders are told to send again, and batches wait: it goes on once it takes writes."
)


def alerts_now(context: Context, probe: WriteProbe) -> list[Alert]:
    """What is wrong now, as the rules see it, and whether points can be stored at all.

    Args:
        context: the store and settings.
        probe: tries to write; one that is kept does so at intervals only.
    """
    silenced = {*context.settings.alerts_off}
    try:
        probe.check()
        refusal = []
    except StoreUnavailableError as error:
        is_silenced = DATABASE in silenced
        refusal = [Alert(DATABASE, "", error.outward, DATABASE_ADVICE, None, is_silenced)]
    seen = read_snapshot(context)
    with context.store.read() as connection:
        on = {alert.key: alert for alert in alerts.read_on(connection)}
    found = find_alerts(seen, limits_of(context.settings), on)
    return refusal + [
        Alert(
            rule,
            device_id,
            message,
            ADVICE[rule],
            on[rule, device_id].started_at if (rule, device_id) in on else None,
            bool({rule, device_id} & silenced),
        )
        for (rule, device_id), message in sorted(found.items())
    ]


def watch(context: Context, send: Send | None = None) -> WatchReport:
    """Look for alerts, note them, and send the messages that are due.

    Any number of processes may watch: of two, one sends a message. A process that is killed between
    sending and noting sends that message again.

    Args:
        context: the store and settings.
        send: sends a message; by Apprise by default.

    Raises:
        StoreUnavailableError: the database is away; the next look goes on.
    """
    seen = read_snapshot(context)
    channels = {channel_of(url): (n, url) for n, url in enumerate(context.settings.notify_urls, 1)}
    report = WatchReport()
    with context.store.write() as connection:
        sample_disks(context, connection)
        on = {alert.key for alert in alerts.read_on(connection)}
        found = find_alerts(seen, limits_of(context.settings), on)
        alerts.note_found(connection, found, channels, seen.now)
        alerts.forget_channels(connection, channels)
        report.on = alerts.read_on(connection)
    now_on = {alert.key for alert in report.on}
    for begun in sorted(now_on - on):
        log.warning("an alert begins: %s", " ".join(begun).strip())
    for ended in sorted(on - now_on):
        log.info("an alert has ended: %s", " ".join(ended).strip())
    send = send or by_apprise(SENDING_S / max(len(channels), 1))
    for channel, address in channels.items():
        _tell(context, channel, address, send, report)
    return report


def channel_of(url: str) -> str:
    """A name for an address that does not tell it: it may hold a password."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _tell(
    context: Context, channel: str, address: tuple[int, str], send: Send, report: WatchReport
) -> None:
    """Send one channel what it has to hear, in one message.

    Args:
        context: the store and settings.
        channel: the channel.
        address: the number and the address of it.
        send: sends a message.
        report: is added to.
    """
    silenced = context.settings.alerts_off
    with context.store.write() as connection:
        due = alerts.take_due(connection, channel, silenced, context.clock(), hold_s=HOLD_S)
    if not due:
        return
    title, body, message = text_of(due, context.settings.public_url)
    is_sent = send(*address, title, body, message)
    note = alerts.note_heard if is_sent else alerts.note_failed
    with context.store.write() as connection:
        note(connection, channel, due, context.clock())
    report.messages += is_sent
    report.failed += not is_sent


def by_apprise(deadline_s: float) -> Send:
    """Sends by Apprise, and waits so many seconds for an answer."""

    def send(number: int, url: str, title: str, body: str, message: Message) -> bool:
        notifier = AppriseNotifier([url], deadline_s, first_number=number)
        return notifier.send(title, body, message)

    return send


def text_of(due: Sequence[StoredAlert], link: str) -> tuple[str, str, Message]:
    """The title and the body of a message, and its kind.

    Args:
        due: the alerts that it is about.
        link: address of the page; empty for none.
    """
    on = [alert for alert in due if alert.ended_at is None]
    ended = [alert for alert in due if alert.ended_at is not None]
    lines = [_line(alert) for alert in (*on, *ended)]
    if len(lines) > MOST_LISTED:
        more = len(lines) - MOST_LISTED
        lines = [*lines[:MOST_LISTED], f"- and {more:,} more: `trackflow alerts` lists them"]
    known = {**ADVICE, DATABASE: DATABASE_ADVICE}
    advice = [f"- {known[rule]}" for rule in dict.fromkeys(alert.rule for alert in on)]
    parts = ["\n".join(lines)]
    if advice:
        parts.append("What to do:\n\n" + "\n".join(advice))
    if link:
        parts.append(link)
    names = ", ".join(dict.fromkeys(alert.rule for alert in (on or ended)))
    title = f"trackflow: {names}" if on else f"trackflow: {names} ended"
    return title, "\n\n".join(parts), Message(is_trouble=bool(on))


def _line(alert: StoredAlert) -> str:
    about = f"{alert.device_id}: " if alert.device_id else ""
    text = f"{about}{alert.message}"
    if alert.ended_at is not None:
        return f"- ended after {in_words(alert.ended_at - alert.started_at)}: {text}"
    return f"- {text} (since {alert.started_at:%Y-%m-%d %H:%M} UTC)"
