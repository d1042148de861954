"""The catalogue follows its source, and a source's bad day never harms it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.catalogue.sources.liverc import liverc_addresses
from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.settings import Settings
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import SILENT_AFTER_S, JobStatus
from trackflow.usecases.catalogue.sources import source_named, sources
from trackflow.usecases.catalogue.sync import (
    FRESH_S,
    SILENT_S,
    list_tracks,
    status,
)
from trackflow.usecases.housekeeping.kill_switches import allow_again, stop_everything
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow_tests.helpers.catalogues import (
    FAST,
    catalogue_of,
    dump,
    kept,
    kinds_of,
    restore,
    result_of,
    row_of,
    rows,
    run_in_small_steps,
    settings_for,
    state_of,
    synced,
    tracks,
)
from trackflow_tests.helpers.liverc_pages import SHARED_NAMES, made_up_tracks
from trackflow_tests.helpers.liverc_site import Behaviour, Site, site_with
from trackflow_tests.helpers.stores import Clock, settings_of
from trackflow_tests.helpers.waiting import wait_until
from trackflow_tests.helpers.workers import At, ended, worker

COUNT = 32


@pytest.fixture
def site() -> Iterator[Site]:
    with site_with(COUNT) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(site: Site, database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with catalogue_of(site, database_url, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def plain(site: Site, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    """On SQLite only: for what is decided before the store is written."""
    with catalogue_of(site, "", tmp_path, clock) as opened:
        yield opened


def test_the_catalogue_is_what_the_source_says_and_a_second_sync_changes_nothing(
    context: Context, site: Site, clock: Clock
) -> None:
    first = synced(context)
    assert tracks(context) == site.expected()
    assert (first.outcome, first.added, first.active_now) == ("completed", COUNT, COUNT)
    assert first.shared_names == dict.fromkeys(sorted(SHARED_NAMES), 2)
    assert set(site.requests.values()) == {1}, "every page once"
    assert site.most_at_once <= context.settings.catalogue_concurrency
    before = rows(context)
    clock.advance(3600)
    second = synced(context)
    assert rows(context) == before
    assert (second.unchanged, second.rows_changed) == (COUNT, 0)
    assert "nothing has changed" in second.summary
    assert "Nothing has changed." in second.to_markdown()
    assert len(dump(context)["catalogue_changes"]) == COUNT


def test_only_what_differs_is_written(context: Context, site: Site, clock: Clock) -> None:
    synced(context)
    site.tracks[3].phone, site.tracks[3].e164 = None, None
    site.tracks[3].name = "Renamed & moved"
    site.tracks[7].stats = {"Laps": 12_345}
    site.tracks[9].slug = "newcomer"
    before = {row["slug"]: row for row in rows(context)}
    clock.advance(3600)
    report = synced(context)
    after = {row["slug"]: row for row in rows(context)}
    differing = {slug for slug in after if after[slug] != before.get(slug)}
    assert differing == {"track3", "track7", "track9", "newcomer"}
    assert tracks(context) | {"track9": 0} == site.expected() | {"track9": 0}
    assert (report.added, report.changed, report.missed_once) == (1, 2, 1)
    worth = next(change for change in report.changes if not change["is_routine"])
    assert worth["slug"] == "track3"
    assert ["name", before["track3"]["name"], "Renamed & moved"] in worth["fields"]
    assert report.changes_by_field["name"] == 1


def test_exactly_the_removed_are_deactivated_after_two_misses_and_come_back(
    context: Context, site: Site
) -> None:
    synced(context)
    all_tracks = list(site.tracks)
    gone = {track.slug for track in all_tracks[4:7]}
    site.tracks = [track for track in all_tracks if track.slug not in gone]
    once = synced(context)
    assert (once.missed_once, once.deactivated) == (3, 0)
    assert len(tracks(context)) == COUNT
    twice = synced(context)
    assert twice.slugs["deactivated"] == sorted(gone)
    assert set(tracks(context)) == set(site.expected())
    assert synced(context).rows_changed == 0
    site.tracks = all_tracks
    back = synced(context)
    assert back.slugs["reactivated"] == sorted(gone)
    assert tracks(context) == site.expected()


def test_a_miss_that_is_followed_by_a_find_is_forgotten(plain: Context, site: Site) -> None:
    synced(plain)
    all_tracks = list(site.tracks)
    site.tracks = all_tracks[1:]
    assert synced(plain).missed_once == 1
    site.tracks = all_tracks
    assert synced(plain).rows_changed == 0
    assert row_of(plain, "track0").misses == 0
    site.tracks = all_tracks[1:]
    assert (synced(plain).missed_once, len(tracks(plain))) == (1, COUNT)


def test_a_bad_day_of_the_source_changes_nothing(plain: Context, site: Site) -> None:
    synced(plain)
    before = rows(plain)
    bad = {
        "empty": ("refused", "empty"),
        "half": ("stopped_for_approval", "--approve"),
        "torn": ("refused", "breaks off"),
        "error page": ("failed", "error page"),
        "changed": ("failed", "the site has changed"),
        "loop": ("failed", "in circles"),
        "fail": ("failed", "HTTP 500"),
        "missing": ("failed", "HTTP 404"),
        "reset": ("failed", "cannot be reached"),
    }
    for kind, (outcome, says) in bad.items():
        site.listing = Behaviour(kind)
        report = synced(plain)
        assert (kind, report.outcome) == (kind, outcome)
        assert says in report.reason
        assert rows(plain) == before, "so many of them in a row are no misses in a row"
    assert status(plain, "liverc").last_completed_at == Clock()()
    site.listing = Behaviour()
    assert synced(plain).unchanged == COUNT


def test_many_missing_tracks_need_an_approval(plain: Context, site: Site) -> None:
    synced(plain)
    before = rows(plain)
    site.tracks = site.tracks[: COUNT - 6]
    stopped = synced(plain)
    assert stopped.outcome == "stopped_for_approval"
    assert "6 of 32" in stopped.reason
    assert rows(plain) == before
    approved = synced(plain, approve=True)
    assert approved.missed_once == 6
    assert "which was given" in approved.reason
    assert synced(plain).deactivated == 6, "of a short list, nobody is asked twice about a track"
    assert synced(plain).outcome == "completed"
    assert set(tracks(plain)) == set(site.expected())


def test_a_track_whose_page_fails_keeps_what_was_known(plain: Context, site: Site) -> None:
    synced(plain)
    expected = site.expected()
    site.pages = {
        "track2": Behaviour("missing"),
        "track3": Behaviour("fail"),
        "track4": Behaviour("changed"),
        "track5": Behaviour("loop"),
        "track6": Behaviour("cut"),
        "track8": Behaviour("busy", times=1, retry_after="0"),
        "newcomer": Behaviour("error page"),
    }
    site.tracks[2].name = "Said by the list"
    site.tracks[3].stats = {"Laps": 1}
    site.tracks.append(made_up_tracks(COUNT + 1)[-1])
    site.tracks[-1].slug = "newcomer"
    report = synced(plain)
    kinds = {failure["slug"]: failure["kind"] for failure in report.failures}
    assert kinds == {
        "track2": "missing page", "track3": "network", "track4": "structure",
        "track5": "redirect", "track6": "network", "newcomer": "structure",
    }  # fmt: skip
    retried = {failure["slug"] for failure in report.failures if failure["tries"] == 2}
    assert retried == {"track3", "track6"}
    found = tracks(plain)
    newcomer = found.pop("newcomer")
    assert (newcomer.name, newcomer.laps) == (site.tracks[-1].name, None)
    assert found.pop("track2").name == "Said by the list"
    assert found == {slug: t for slug, t in expected.items() if slug != "track2"}
    site.pages = {}
    made_good = synced(plain)
    assert (made_good.failed, made_good.changed) == (0, 2)
    assert tracks(plain) == site.expected()


def test_a_site_that_goes_away_is_left_alone_and_gone_on_with(plain: Context, site: Site) -> None:
    site.pages = {f"track{k}": Behaviour("fail") for k in range(10, COUNT)}
    report = synced(plain, replace(FAST, most_out_of_reach=5))
    assert report.outcome == "failed"
    assert "left alone" in report.reason
    assert rows(plain) == []
    site.pages = {}
    site.forget_requests()
    assert synced(plain).added == COUNT
    assert "/tracks/track3/" not in site.requests
    assert tracks(plain) == site.expected()


def test_the_number_of_statements_does_not_grow_with_the_tracks(site: Site, tmp_path: Path) -> None:
    at_the_end = replace(FAST, keep_rows=1000, keep_every_s=1000.0)
    all_tracks, counts = list(site.tracks), []
    with catalogue_of(site, "", tmp_path) as context:
        statements: list[str] = []
        sa.event.listen(
            context.store.engine,
            "before_cursor_execute",
            lambda *arguments: statements.append(arguments[2]),
        )
        for source in (all_tracks[:5], all_tracks):
            site.tracks = source
            site.forget_requests()
            statements.clear()
            synced(context, at_the_end)
            # the switch is read, and signs of life are given, as time goes by
            timed = ("catalogue_switches", "service_", "live_pools", "BEGIN", "COMMIT")
            reads = [text for text in statements if not any(word in text for word in timed)]
            counts.append(len(reads))
    assert counts[0] == counts[1]


def test_the_kill_switch_stops_everything_until_it_is_reset(plain: Context, site: Site) -> None:
    for k in range(12, COUNT):
        site.pages[f"track{k}"] = Behaviour("hang")
    timer = threading.Thread(target=_throw_when_asked_for, args=(plain, site, "/tracks/track14/"))
    timer.start()
    report = synced(plain, replace(FAST, keep_rows=3))
    timer.join()
    assert report.outcome == "failed"
    assert "is switched off: they asked us to" in report.reason
    assert status(plain, "liverc").switched_off == "they asked us to"
    asked = sum(site.requests.values())
    assert synced(plain).outcome == "failed"
    assert sum(site.requests.values()) == asked, "nothing is asked of it"
    assert rows(plain) == []
    assert allow_again(plain, status(plain, "liverc").site)
    site.pages.clear()
    site.forget_requests()
    assert synced(plain).added == COUNT
    assert "/" not in site.requests
    assert "/tracks/track2/" not in site.requests, "it was there already"
    assert tracks(plain) == site.expected()


def _throw_when_asked_for(context: Context, site: Site, path: str) -> None:
    wait_until(lambda: site.requests[path], path, pause_s=0.01)
    stop_everything(context, status(context, "liverc").site, "they asked us to")


def test_a_second_sync_of_a_source_says_so_and_ends(
    context: Context, site: Site, database_url: str, tmp_path: Path
) -> None:
    site.pages["track20"] = Behaviour("drip")
    reports: list[Any] = []

    def other() -> None:
        with catalogue_of(site, database_url, tmp_path) as theirs:
            reports.append(synced(theirs))

    first = threading.Thread(target=other)
    first.start()
    wait_until(lambda: site.requests["/tracks/track20/"], "track20", pause_s=0.01)
    second = synced(context)
    running = status(context, "liverc").running
    assert running is not None
    assert (second.outcome, str(running.job_id) in second.reason) == ("refused", True)
    # cancelled rather than waited for, also its slow request; what it has is gone on with
    with context.store.write() as connection:
        jobs.request_cancel(connection, running.job_id, context.clock())
    site.pages["track20"] = Behaviour()
    first.join()
    assert reports[0].outcome == "cancelled"
    assert synced(context).outcome == "completed"
    assert tracks(context) == site.expected()


def test_killed_before_any_commit_it_goes_on_as_if_nothing_had_happened(
    context: Context, site: Site, clock: Clock, database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, tmp_path, **settings_for(site))
    synced(context)
    del site.tracks[20]
    synced(context)
    del site.tracks[21]
    site.tracks[1].name = "Renamed"
    site.tracks[2].slug = "newcomer"
    site.pages["track4"] = Behaviour("missing")
    base = dump(context)
    expected_report = result_of(synced(context))
    expected = state_of(context)
    assert {change[1] for change in expected["changes"]} == {
        "added", "changed", "missed", "deactivated",
    }  # fmt: skip
    killed = 0
    while True:
        restore(context, base)
        job = queue_job(context, "catalogue_sync", {})
        at = At(killed + 1, "commit", SIGKILL)
        with worker(settings, clock(), run_in_small_steps, at=at) as process:
            if ended(process) == 0:
                break
        killed += 1
        if rows(context) != base["catalogue_tracks"]:  # all at once, or nothing
            # it was killed as it gave back what it shares with others
            assert state_of(context) == expected
            with context.store.read() as connection:
                assert jobs.read_job(connection, job.job_id).status is JobStatus.COMPLETED
            continue
        had = kept(context, job.job_id)
        site.forget_requests()
        if killed % 2:
            clock.advance(SILENT_AFTER_S + 1)  # a service finds it abandoned
            run_in_small_steps(context)
            with context.store.read() as connection:
                assert jobs.read_job(connection, job.job_id).status is JobStatus.COMPLETED
            report = status(context, "liverc").last
        else:
            clock.advance(SILENT_S + 1)  # a person starts another one
            had_begun = status(context, "liverc").running is not None
            report = synced(context)
            with context.store.read() as connection:
                left = jobs.read_job(connection, job.job_id).status
            assert (left is JobStatus.CANCELLED) == had_begun
        assert report is not None
        assert result_of(report) == expected_report
        assert state_of(context) == expected
        assert not [slug for slug in had if site.requests[f"/tracks/{slug}/"]]
    assert killed >= 6, "the claim, the beginning, the list, pages in parts, the end"
    assert state_of(context) == expected


def test_a_list_that_says_it_all_needs_no_pages(site: Site, tmp_path: Path) -> None:
    url = f"{site.url}/tracks.csv"
    with catalogue_of(site, "", tmp_path, catalogue_file=url) as context:
        assert list(sources(context.settings))[:2] == ["liverc", "file"]
        synced(context)
        first = synced(context, source="file")
        assert (first.outcome, first.added, first.failed) == ("completed", COUNT, 0)
        assert tracks(context, "file")["track3"].latitude == 51.5
        assert tracks(context) == site.expected()
        before = rows(context)
        assert synced(context, source="file").unchanged == COUNT
        assert rows(context) == before


def test_without_a_name_the_source_is_meant_that_is_set_up() -> None:
    assert source_named(Settings(), None).source == "liverc"
    assert source_named(Settings(catalogue_file="tracks.csv"), "").source == "file"


def test_tracks_are_listed_by_slug_and_found_by_text(context: Context) -> None:
    synced(context)
    everything = [row.track.slug for row in list_tracks(context, "liverc")]
    assert everything == sorted(everything)
    first = list_tracks(context, "liverc", limit=10)
    rest = list_tracks(context, "liverc", after=first[-1].track.slug)
    assert [row.track.slug for row in (*first, *rest)] == everything
    finnish = list_tracks(context, "liverc", text="FINLAND")
    assert {row.track.country for row in finnish} == {"Finland"}
    assert list_tracks(context, "liverc", text="%") == []
    assert list_tracks(context, "liverc", active=False) == []


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"source": "nowhere"}, "there are liverc"),
        ({"source": "file"}, "TRACKFLOW_CATALOGUE_FILE"),
        ({"trigger": "magic"}, "one of cli"),
        ({"approve": "yes"}, "true or false"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(
    tmp_path: Path, site: Site, parameters: dict[str, Any], says: str
) -> None:
    with catalogue_of(site, "", tmp_path) as context, pytest.raises(BadInputError, match=says):
        queue_job(context, "catalogue_sync", parameters)


def test_a_cancelled_sync_keeps_its_pages_and_can_be_resumed(site: Site, tmp_path: Path) -> None:
    kinds = kinds_of(replace(FAST, keep_rows=3))
    # one page never comes: else all might have come before the job hears that it is to stop
    site.pages = {f"track{COUNT - 1}": Behaviour("hang")}
    with catalogue_of(site, "", tmp_path) as context:
        job = queue_job(context, "catalogue_sync", {})

        def told(now: jobs.Job) -> None:
            if now.completed >= 6:
                with context.store.write() as connection:
                    jobs.request_cancel(connection, job.job_id, context.clock())

        cancelled = run_job(context, job.job_id, on_change=told, kinds=kinds)
        assert cancelled is not None
        assert cancelled.status is JobStatus.CANCELLED
        assert cancelled.result is not None
        assert cancelled.result["outcome"] == "cancelled"
        assert rows(context) == []
        had = kept(context, job.job_id)
        assert 6 <= len(had) < COUNT
        with context.store.write() as connection:
            jobs.resume(connection, job.job_id)
        site.forget_requests()
        site.pages = {}
        resumed = run_job(context, job.job_id, kinds=kinds)
        assert resumed is not None
        assert resumed.status is JobStatus.COMPLETED
        assert not [slug for slug in had if site.requests[f"/tracks/{slug}/"]]
        assert tracks(context) == site.expected()


def test_a_list_of_yesterday_is_not_gone_on_with(plain: Context, site: Site, clock: Clock) -> None:
    site.pages = {f"track{k}": Behaviour("reset") for k in range(10, COUNT)}
    assert synced(plain, replace(FAST, most_out_of_reach=3)).outcome == "failed"
    site.pages = {}
    site.tracks = site.tracks[5:]
    clock.advance(FRESH_S + 1)
    report = synced(plain)
    assert (report.outcome, report.added) == ("completed", COUNT - 5)
    assert tracks(plain) == site.expected()


@pytest.mark.parametrize(
    ("address", "list_url", "track_url"),
    [
        ("", "https://live.liverc.com/", "https://{slug}.liverc.com/"),
        ("http://localhost:8000", "http://localhost:8000/", "http://localhost:8000/{slug}/"),
        ("http://a/b/", "http://a/b/", "http://a/b/{slug}/"),
        ("http://{slug}.a:1/x", "http://live.a:1/", "http://{slug}.a:1/x"),
        ("http://a/b/{slug}", "http://a/", "http://a/b/{slug}"),
        (" http://a/list  http://b/{slug} ", "http://a/list", "http://b/{slug}"),
    ],
)
def test_where_the_source_is_can_be_said_in_several_ways(
    address: str, list_url: str, track_url: str
) -> None:
    assert liverc_addresses(address) == (list_url, track_url)
