"""People are told of every sync that goes wrong, once, and of none that goes well."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.usecases.catalogue import alerting
from trackflow_tests.helpers.catalogues import catalogue_of, synced
from trackflow_tests.helpers.liverc_site import Behaviour, Site, site_with
from trackflow_tests.helpers.waiting import wait_until
from trackflow_tests.notifications.test_notifier import receiver


@dataclass
class Told:
    messages: list[tuple[str, str]] = field(default_factory=list)

    def send(self, title: str, body: str) -> None:
        self.messages.append((title, body))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    found = Told()
    monkeypatch.setattr(alerting, "notifier_of", lambda _: found)
    return found


@pytest.fixture
def site() -> Iterator[Site]:
    with site_with(12) as running:
        yield running


@pytest.fixture
def context(site: Site, tmp_path: Path) -> Iterator[Context]:
    with catalogue_of(site, f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as opened:
        yield opened


def test_what_goes_well_is_not_told(context: Context, told: Told) -> None:
    synced(context)
    synced(context)
    assert told.messages == []


@pytest.mark.parametrize(
    ("kind", "title", "why"),
    [
        ("empty", "was refused: nothing is changed", "the list is empty"),
        ("half", "waits for an approval", "needs an approval"),
        ("forbidden", "has failed", "HTTP 403"),
        ("loop", "has failed", "redirects in circles"),
        ("error page", "has failed", "no list of the known structure"),
    ],
)
def test_a_bad_list_is_told(
    context: Context, site: Site, told: Told, kind: str, title: str, why: str
) -> None:
    synced(context)
    site.listing = Behaviour(kind)
    report = synced(context)
    ((said, body),) = told.messages
    assert title in said
    assert "liverc" in said
    assert body == report.to_markdown()
    assert why in report.reason or kind == "error page"


@pytest.mark.parametrize(
    ("kind", "why"),
    [("changed", "12 of 12 pages lack what is known of their structure"), ("missing", "12 of 12")],
)
def test_a_site_whose_every_page_fails_is_told_though_the_sync_completes(
    context: Context, site: Site, told: Told, kind: str, why: str
) -> None:
    synced(context)
    site.pages = {track.slug: Behaviour(kind) for track in site.tracks}
    report = synced(context)
    ((said, body),) = told.messages
    assert "liverc could not read many of its pages" in said
    assert body == report.to_markdown()
    assert why in body
    assert (report.outcome, report.failed) == ("completed", 12)


def test_a_single_page_that_fails_is_not_told(context: Context, site: Site, told: Told) -> None:
    synced(context)
    site.pages = {site.tracks[0].slug: Behaviour("changed")}
    assert synced(context).failed == 1
    assert told.messages == []


def test_a_sync_over_its_limit_is_told_while_it_goes_on(site: Site, tmp_path: Path) -> None:
    site.latency_s = (0.1, 0.1)
    with receiver() as (port, got):
        more = {"catalogue_limit_s": 0.05, "notify_urls": (f"json://127.0.0.1:{port}",)}
        with catalogue_of(site, f"sqlite:///{tmp_path / 'a.db'}", tmp_path, **more) as context:
            assert synced(context).outcome == "completed"
        wait_until(lambda: got, "a message")
    assert [message["title"] for message in got] == [
        "The catalogue sync of liverc takes longer than it should"
    ]
