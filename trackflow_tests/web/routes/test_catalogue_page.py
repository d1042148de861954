"""The page of the race tracks in a real browser, with real syncs against a site like LiveRC."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from trackflow.context import Context, utc_now
from trackflow.store.access.tokens import Scope
from trackflow.store.jobs import jobs
from trackflow.usecases.days import run as pipeline
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.places.visits import update_visits
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.liverc_site import Behaviour, site_with
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, open_context
from trackflow_tests.usecases.places.test_visits import DEVICE, VENUE, add_place, history

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page")]

HTML = "<img src=x onerror=document.title='owned'><b>bold</b>"
"""A name that must stay what it is: text."""

COUNT = 60
MAP = "document.getElementById('map').map"
METER = "document.querySelector('.meter[role=progressbar]')"


@contextmanager
def service(context: Context) -> Iterator[None]:
    """Whoever works on jobs that are asked for, as the sensor's runs do."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.2):
            with context.store.read() as connection:
                waiting = jobs.waiting(connection, context.clock())
            for job in waiting:
                run_job(context, job.job_id)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_person_syncs_approves_reads_and_undoes(tmp_path: Path, tab: Page) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with site_with(COUNT, (0.15, 0.3)) as site:
        site.tracks[0] = replace(site.tracks[0], name=HTML)
        settings = {
            "liverc_url": f"{site.url}/ {site.url}/tracks/{{slug}}/",
            "catalogue_per_s": 1000.0,
        }
        with open_context(url, tmp_path, **settings) as context, running_api(context) as api:
            context.clock = utc_now
            with service(context):
                tab.goto(f"{api.base_url}/catalogue")
                tab.wait_for("document.body?.dataset.ready")
                tab.wait_for_text("No sync yet", "never")
                tab.eval("document.querySelector('[data-key^=start-]').focus()")
                tab.click_text("Sync now")
                tab.wait_for(f"{METER} && +{METER}.getAttribute('aria-valuenow') > 0")
                tab.wait_for(f"/of {COUNT} pages.* left/.test(document.body.innerText)")
                _shoot(tab, "syncing")
                tab.wait_for_text(f"{COUNT} added", "Completeness", "Slowest tracks")
                tab.wait_for("document.activeElement.dataset.key?.startsWith('start-')")
                tab.wait_for(f"document.body.innerText.includes({HTML!r})")
                assert tab.eval("document.querySelectorAll('img, td b').length") == 0
                assert tab.eval("document.title") == "trackflow: race tracks"
                _shoot(tab, "report")

                site.latency_s, site.listing = (0.0, 0.0), Behaviour("half")
                tab.click_text("Sync now")
                tab.wait_for_text("needs an approval")
                tab.click_text("Approve and sync…")
                tab.wait_for("document.getElementById('ask').open")
                _shoot(tab, "ask")
                tab.click_text("Approve and sync")
                tab.wait_for_text(f"{COUNT // 2} missed once", "Missed for the first time")

                tab.eval("document.getElementById('undo').click()")
                tab.click_text("Leave it")
                assert "were undone" not in tab.text()
                tab.eval("document.getElementById('undo').click()")
                tab.wait_for("document.getElementById('ask').open")
                tab.eval("document.getElementById('ask-yes').click()")
                tab.wait_for_text("Its changes were undone")
                assert tab.eval("document.getElementById('problem').hidden")
                with context.store.read() as connection:
                    missed = connection.exec_driver_sql("SELECT sum(misses) FROM catalogue_tracks")
                    assert missed.scalar() == 0

                _look_through_the_list(tab)
                tab.click_text("Switch off…")
                tab.click_text("Switch off")
                tab.wait_for_text("Switched off: stopped on the page")
                tab.click_text("Switch on again")
                tab.wait_for("!document.body.innerText.includes('Switched off:')")

                slug = site.tracks[-1].slug
                tab.eval("document.getElementById('text').focus()")
                tab.write(slug)
                tab.wait_for("document.querySelectorAll('#tracks tbody tr').length === 1")
                tab.resize(390, 844, phone=True)
                assert tab.eval("document.documentElement.scrollWidth") <= 390
                _shoot(tab, "phone")

            secret = token_for(context, Scope.READ)
            tab.goto(f"{api.base_url}/catalogue")
            tab.wait_for("document.getElementById('login')?.open")
            tab.eval("document.getElementById('token').focus()")
            tab.write(secret)
            tab.press("Enter")
            tab.wait_for("document.body?.dataset.ready")
            tab.wait_for_text("Report")
            assert "Sync now" not in tab.text()  # a token for reading starts nothing


def _look_through_the_list(tab: Page) -> None:
    """Sort, choose one, see its fields and history, and leave it by the keyboard."""
    names = "[...document.querySelectorAll('#tracks .choose')].map(b => b.innerText)"
    tab.wait_for(f"{names}.length === 50")
    first = tab.eval(f"{names}[0]")
    tab.click_text("Name")
    tab.wait_for(f"{names}[0] !== {first!r}")
    assert tab.eval("document.querySelector('[aria-sort=descending]').innerText").strip() == "Name"
    tab.click_text(f"Show more of {COUNT}")
    tab.wait_for(f"{names}.length === {COUNT} && {names}.at(-1) === {first!r}")
    tab.eval("document.querySelector('#tracks .choose').click()")
    tab.wait_for_text("History", "First stored")
    said = tab.eval("[...document.querySelectorAll('#track .all-fields dd')].map(d => d.innerText)")
    unknown = tab.eval("document.querySelector('#track .unknown')?.innerText ?? ''")
    assert len(said) + len(re.split(", and |, | and ", unknown)) * bool(unknown) == 27
    assert not {"", "unknown"} & set(said)
    chosen = tab.eval("new URLSearchParams(location.hash.slice(1)).get('track')")
    assert tab.eval("document.activeElement.id") == "track"
    tab.press("Tab", "Enter")
    tab.wait_for("document.getElementById('track').hidden")
    tab.wait_for(f"document.activeElement.dataset.key === 'track-{chosen}'")
    assert "format=csv" in tab.eval("document.getElementById('as-csv').href")


def test_the_race_tracks_of_a_file_are_on_the_map(tmp_path: Path, tab: Page) -> None:
    places = (
        "id,name,town,country,lat,lon\na,North,Oulu,Finland,65,25\nb,South,Lyon,France,45.7,4.8\n"
    )
    file = tmp_path / "list.csv"
    file.write_text(places + f'c,"{HTML}",Nowhere,,,\n')
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path, catalogue_file=str(file)) as context:
        context.clock = utc_now
        with running_api(context) as api:
            tab.resize(1000, 900)
            tab.prefer(color_scheme="light")
            tab.goto(f"{api.base_url}/catalogue")
            tab.wait_for("document.body?.dataset.ready")
            tab.wait_for_text("A sync fills the catalogue.")
            job = queue_job(context, "catalogue_sync", {"source": "file"})
            run_job(context, job.job_id)
            tab.eval("dispatchEvent(new Event('online'))")  # it is asked at once, and not when due
            tab.wait_for("document.getElementById('map').dataset.ready")
            dots = f"{MAP}.queryRenderedFeatures({{layers: ['race-tracks']}})"
            tab.wait_for(f"new Set({dots}.map(f => f.properties.slug)).size === 2")
            tab.eval("document.getElementById('map').scrollIntoView()")
            x, y = tab.eval(
                "(() => {const b = document.getElementById('map').getBoundingClientRect();"
                f"const p = {MAP}.project([25, 65]); return [b.x + p.x, b.y + p.y];}})()"
            )
            tab.click_at(x, y)
            tab.wait_for("document.querySelector('#track h2')?.innerText === 'North'")
            tab.eval(
                "(c => {c.value = 'France'; c.dispatchEvent(new Event('change'))})"
                "(document.getElementById('country'))"
            )
            tab.wait_for_text("1 of 3 race tracks")
            tab.prefer(color_scheme="dark")  # the map is drawn anew, with the same dots
            tab.wait_for(f"{MAP}.getLayer('race-tracks') && {dots}.length === 1")
            assert tab.eval("document.title") == "trackflow: race tracks"


def test_visits_are_on_the_map(tmp_path: Path, tab: Page) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as context, running_api(context) as api:
        add_place(context, HTML, *VENUE)
        deliver(context.store, batch_of_device(DEVICE, history()))
        pipeline.run(context)
        update_visits(context)
        tab.resize(1000, 700)
        tab.goto(f"{api.base_url}/#day={NOON.date()}&zone=utc")
        tab.wait_for("document.body?.dataset.mapReady")
        tab.wait_for(f"{MAP}.queryRenderedFeatures({{layers: ['visits']}}).length === 1")
        x, y = tab.eval(f"(() => {{const p = {MAP}.project({list(VENUE)}); return [p.x, p.y];}})()")
        tab.click_at(x + 5, y + 5)
        tab.wait_for_text(f"{DEVICE} for 5 h 09 min, Mon 2 Mar, 21:55 \u2013 Tue 3 Mar, 03:04")
        assert HTML.title() in tab.text()
        _shoot(tab, "visits")
        tab.click_text("Race tracks")
        tab.wait_for("document.title === 'trackflow: race tracks'")


def _shoot(page: Page, name: str) -> None:
    """Keep a picture of the page for people, where they ask for it."""
    if _SCREENSHOTS:
        Path(_SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(Path(_SCREENSHOTS) / f"catalogue-{name}.png")


_SCREENSHOTS = os.environ.get("TRACKFLOW_SCREENSHOTS")
