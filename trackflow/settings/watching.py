"""What is reported about the work, and to whom."""

from dataclasses import dataclass

from trackflow.variables import number, set_by, words


def _log_format(text: str) -> str:
    if text not in ("text", "json"):
        raise ValueError("must be text or json")
    return text


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError("is no host and port; use such as statsd.lan:8125")
    return host.strip("[]"), int(port)


@dataclass(frozen=True)
class WatchingSettings:
    """What is reported about the work, and to whom.

    Attributes:
        notify_urls: addresses of messages about trouble, as Apprise writes them; they hold
            passwords, so they are never shown.
        log_format: text for people, json for programs.
        alerts_off: rules and devices without alerts.
        alert_backlog_min: minutes that work may wait before an alert.
        alert_silent_h: hours without a point after which a device that reports regularly is
            silent; 0 for three times its own interval.
        alert_disk_gb: free gigabytes below which there is an alert; 0 for a tenth of the disk.
        statsd: host and port of a StatsD server; None for none.
    """

    notify_urls: tuple[str, ...] = set_by(
        "NOTIFY_URLS",
        (),
        "where messages about trouble go, as [Apprise](https://github.com/caronc/apprise) "
        "addresses with blanks between",
        unset="none",
        parse=words,
        is_secret=True,
    )
    log_format: str = set_by(
        "LOG_FORMAT",
        "text",
        "`json`: [logs](../operations/monitoring.md#logs) as JSON, one object a line, with a line "
        "per request",
        unset="text",
        parse=_log_format,
    )
    alerts_off: tuple[str, ...] = set_by(
        "ALERTS_OFF",
        (),
        "rules and devices without [alerts](../operations/monitoring.md#alerts), with blanks "
        "between",
        unset="none",
        parse=words,
    )
    alert_backlog_min: float = set_by(
        "ALERT_BACKLOG_MIN",
        60.0,
        "minutes that work may wait before there is an alert",
        parse=number(1, 100_000),
    )
    alert_silent_h: float = set_by(
        "ALERT_SILENT_H",
        0.0,
        "hours without a point after which there is an alert for a device that reports regularly",
        unset="0: three times its own interval",
        parse=number(0, 10_000),
    )
    alert_disk_gb: float = set_by(
        "ALERT_DISK_GB",
        0.0,
        "free gigabytes below which there is an alert",
        unset="0: a tenth of the disk",
        parse=number(0, 1_000_000),
    )
    statsd: tuple[str, int] | None = set_by(
        "STATSD",
        None,
        "host and port of a StatsD server that gets the figures of meshes, such as "
        "`statsd.lan:8125`",
        unset="none",
        parse=_host_and_port,
    )
