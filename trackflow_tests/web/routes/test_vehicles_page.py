"""Vehicles on the page of the logbook: devices in them, drivers, odometers."""

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.mileage.odometer import Reading, check_reading
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.rate_table import list_rates, parse_rates
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page")]

ODD = "van \"7\" 'é' / 50%"
"""An id that addresses and attributes have to quote."""
PARTS = "document.querySelector('.vehicle-parts')"
RATES = """
[[rate]]
id = "uk"
from = 2026-04-06
until = 2027-04-05
category = "business"
vehicle_kind = "van"
currency = "GBP"
unit = "mi"
year_start = "04-06"
source = 'a "source" \\ of numbers'
tiers = [{ up_to = 10000, amount = 0.450 }, { amount = "0.25" }]
per = "driver"
[[rate]]
id = "all"
from = 2026-01-01
currency = "EUR"
unit = "km"
amount = 0.3
"""
REFUSED = ("Less than", "More than", "Note first")


def fill_in(tab: Page, form: str, **values: str) -> None:
    """Write into the fields of a form, as people do."""
    for name, value in values.items():
        field = f"document.querySelector('form[data-form^={json.dumps(form)}] [name={name}]')"
        tab.wait_for(f"!!{field}")
        tab.eval(f"{field}.value = {json.dumps(value)}")
        tab.eval(f"{field}.dispatchEvent(new Event('input', {{ bubbles: true }}))")


def send(tab: Page, form: str) -> None:
    tab.eval(f"document.querySelector('form[data-form^={json.dumps(form)}]').requestSubmit()")


def test_a_fleet_is_kept_on_the_page(tmp_path: Path, tab: Page) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as context, running_api(context) as api:
        deliver(context.store, batch_of_device("tracker", drive(NOON, 20)))
        tab.goto(f"{api.base_url}/logbook")
        tab.wait_for("document.body?.dataset.ready")
        tab.wait_for_text("No vehicles yet")
        fill_in(tab, "new vehicle", id=ODD, plate="ABC-123", kind="van")
        send(tab, "new vehicle")
        tab.wait_for(f"{PARTS}?.innerText.includes('No device is in it yet')")
        assert tab.eval("document.getElementById('vehicle').value") == ODD

        fill_in(tab, "odometer", at="2026-03-01T08:00", shown="48210.5")
        fill_in(tab, "driver", driver="Ada", **{"from": "2026-03-01T06:00"})
        send(tab, "driver")
        tab.wait_for(f"{PARTS}.innerText.includes('Ada · ')")
        tab.wait_for_text("The first reading")  # the other form stays as it was filled
        send(tab, "odometer")
        tab.wait_for(f"{PARTS}.innerText.includes('48,210.5 km · ')")
        fill_in(tab, "device", device="tracker")
        send(tab, "device")
        tab.wait_for(f"{PARTS}.innerText.includes('tracker · the beginning')")

        fill_in(tab, "driver", driver="Bo", **{"from": "2026-03-01T06:00"})
        send(tab, "driver")
        tab.wait_for_text("Ada is said to drive it from that moment on: take that back first.")
        (driver,) = fleet.list_drivers(context)
        assert (driver.vehicle_id, driver.name, driver.from_time) == (
            ODD,
            "Ada",
            dt.datetime(2026, 3, 1, 6, tzinfo=dt.UTC),
        )
        assert [one.name for one in fleet.list_devices(context)] == ["tracker"]
        assert [one["odometer_m"] for one in fleet.list_readings(context)] == [48_210_500]
        assert fleet.list_vehicles(context)[0].plate == "ABC-123"

        fill_in(tab, "odometer", at="2026-03-02T08:00", shown="12")
        tab.wait_for_text("Is it a new one?")
        tab.eval("document.querySelector('[name=replaced]').click()")
        tab.wait_for_text("trips count on from the new one")
        send(tab, "odometer")
        tab.wait_for(f"{PARTS}.innerText.includes('12.0 km · ')")
        for what in ("12.0 km", "Ada", "tracker"):
            buttons = f"[...{PARTS}.querySelectorAll('[data-key^=undo-]')]"
            button = f"{buttons}.find(one => one.dataset.key.includes('{what}'))"
            tab.eval(f"{button}.click()")
            tab.wait_for(f"!{button}")
        assert len(fleet.list_readings(context)) == 1
        assert fleet.list_drivers(context) == fleet.list_devices(context) == []
        _replaces_rates(tab, context)
        _import_vehicles(tab)
    # the server has ended: a thread of it that uses `random` meanwhile is an error for hypothesis
    _judges_as_the_server_does(tab)


def _replaces_rates(tab: Page, context: Context) -> None:
    tab.eval(f"document.getElementById('rates-text').value = {json.dumps(RATES)}")
    tab.eval("document.getElementById('save-rates').click()")
    undo = "document.querySelector('[data-key=undo-rates]')"
    tab.wait_for(f"!!{undo}")
    assert list_rates(context) == parse_rates(RATES)
    tab.eval(f"{undo}.click()")  # made from what is shown: refused if that were another table
    tab.wait_for_text("There are none yet")
    assert list_rates(context) == []


def _import_vehicles(tab: Page) -> None:
    loaded = "performance.getEntriesByType('resource')"
    module = f"{loaded}.find(one => one.name.endsWith('/logbook-vehicles.js')).name"
    tab.eval(f"void import({module}).then(m => {{ window.vehicles = m; }})")
    tab.wait_for("!!window.vehicles")


def _judges_as_the_server_does(tab: Page) -> None:
    hours = st.integers(0, 6)
    reading = st.builds(
        Reading, hours.map(lambda h: NOON + dt.timedelta(hours=h)), st.integers(0, 5)
    )

    @settings(max_examples=100, deadline=None, database=None)
    @given(st.lists(reading, max_size=4, unique_by=lambda one: one.read_at), reading, st.booleans())
    def holds(before: list[Reading], new: Reading, replaced: bool) -> None:
        known = sorted(before, key=lambda one: one.read_at)
        try:
            check_reading(new, known, is_replaced=replaced)
            refused = False
        except BadInputError:
            refused = True
        shown = json.dumps(
            [{"read_at": one.read_at.isoformat(), "odometer_m": one.odometer_m} for one in known]
        )
        when = f"new Date('{new.read_at.isoformat()}')"
        said = tab.eval(
            f"window.vehicles.judged({shown}, {when}, {new.odometer_m}, {json.dumps(replaced)})"
        )
        assert said.startswith(REFUSED) == refused, said

    holds()
