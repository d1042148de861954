"""The page of numbers in a real browser: its totals, days and bars are those of the API."""

import datetime as dt
from pathlib import Path

import pytest

from trackflow.usecases.days.run import run
from trackflow_tests.helpers.browser import needed_chromium, open_page
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive, open_context

pytestmark = [pytest.mark.slow]

START = dt.datetime(2026, 2, 27, 20, tzinfo=dt.UTC)


def test_the_page_shows_what_the_api_says(tmp_path: Path) -> None:
    chromium = needed_chromium()
    with (
        open_context("", tmp_path, time_zone="Europe/Helsinki") as context,
        running_api(context) as api,
        open_page(chromium, tmp_path / "profile") as tab,
    ):
        for day in (0, 5, 40):
            found = drive(START + dt.timedelta(days=day), 900, every_s=20)
            deliver(context.store, batch_of_device("a & b", found))
        run(context)
        days = {"from": "2026-02-01", "to": "2026-04-30"}
        told = api.get("/api/v1/numbers", params={**days, "by": "day"}).json()
        tab.resize(390, 844, phone=True)
        tab.goto(f"{api.base_url}/numbers?from=2026-02-01&to=2026-04-30")
        tab.wait_for("!!document.body.dataset.ready")
        shown = tab.eval("document.querySelector('[data-figure=distance_m]').dataset.value")
        assert float(shown) == told["totals"]["distance_m"] > 0
        links = tab.eval("[...document.querySelectorAll('a.cell')].map(a => a.hash)")
        assert sorted(links) == [f"#day={row['period']}" for row in told["rows"]]
        by_week = api.get("/api/v1/numbers", params={**days, "by": "week"}).json()["rows"]
        bars = tab.eval(
            "[...document.querySelectorAll('.col')].filter(c => +c.dataset.value)"
            ".map(c => [c.dataset.day, +c.dataset.value])"
        )
        assert bars == [[row["first_day"], row["distance_m"]] for row in by_week]
        assert tab.eval("document.documentElement.scrollWidth") == 390, "nothing sticks out"
        tab.click_text("a & b")
        tab.wait_for_text("Report to print (PDF)")
        assert "device=a+%26+b" in tab.eval("location.search")
        tab.click_text("All")
        tab.wait_for("location.search.includes('all=yes')")
        assert tab.eval("document.getElementById('problem').hidden")

        cut = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        tab.call("Network.enable")
        tab.call("Network.emulateNetworkConditions", offline=True, **cut)
        tab.click_text("Last year")
        tab.wait_for_text("The server does not answer. It is tried again by itself.")
        tab.call("Network.emulateNetworkConditions", offline=False, **cut)
        tab.wait_for("document.getElementById('problem').hidden")
        tab.wait_for("location.search.includes('from=')")

        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        tab.call("Emulation.setEmulatedMedia", media="print", features=dark)
        assert tab.eval("getComputedStyle(document.body).color") == "rgb(27, 36, 48)", "paper"
        assert tab.eval("getComputedStyle(document.querySelector('nav')).display") == "none"
