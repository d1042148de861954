"""How long the main thread of a page works without a pause, as its browser traces it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from trackflow_tests.helpers.browser import Page

TASK = ("ThreadControllerImpl::RunTask", "RunTask")


def longest_task(page: Page, work: Callable[[], None]) -> float:
    """Processor milliseconds of the main thread's longest task while something is done.

    Unlike the time until a task ends, they hold no waits: for the process that draws, or for other
    programs of the machine.
    """
    page.of_browser(
        "Tracing.start", transferMode="ReportEvents", categories="toplevel,devtools.timeline"
    )
    work()
    return _longest(page.events_until("Tracing.end", "Tracing.tracingComplete"))


def _longest(events: list[dict[str, Any]]) -> float:
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events
        if event["ph"] == "M" and event["name"] == "thread_name"
    }
    tasks = [
        ((event["pid"], event["tid"]), event.get("tdur", 0))
        for event in events
        if event["name"] in TASK and event["ph"] == "X"
    ]
    busy: Counter[tuple[int, int]] = Counter()
    for thread, spent_us in tasks:
        if names.get(thread) == "CrRendererMain":
            busy[thread] += spent_us
    ((page_thread, _),) = busy.most_common(1)
    return float(max(spent_us for thread, spent_us in tasks if thread == page_thread)) / 1000
