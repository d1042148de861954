"""What is wrong with the service."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, TypedDict

from trackflow.usecases.housekeeping.alerts.watching import Alert
from trackflow.web.answers.describing import described, shows


@described
class AlertEntry(TypedDict):
    """Something that is wrong now."""

    rule: str
    """The rule that found it, such as `backlog`."""
    device_id: str
    """Of an alert about one device; empty for the others."""
    message: str
    """What is wrong, without the device."""
    advice: str
    """What to do."""
    started_at: dt.datetime | None
    """When it was first noted, UTC; null if that is still to come, within a minute."""
    silenced: bool
    """Whether `TRACKFLOW_ALERTS_OFF` silences it."""


@described
class AlertsAnswer(TypedDict):
    """All that is wrong now; empty if all is well."""

    alerts: list[AlertEntry]


def alerts_answer(found: Iterable[Alert]) -> dict[str, Any]:
    """All alerts, as `AlertsAnswer`."""
    return {"alerts": [asdict(alert) for alert in found]}


_AT = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_ALERT = Alert(
    "silent_device",
    "van-7",
    "silent for 4 days; usual is a report every 24 hours",
    "Look at the device, or silence it by TRACKFLOW_ALERTS_OFF.",
    _AT,
    False,
)

ALERTS = shows(AlertsAnswer, alerts_answer([_ALERT]))
