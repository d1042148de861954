"""The report: complete as data, readable as Markdown, and on disk."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.usecases.catalogue.report import (
    MOST_SHOWN,
    SyncReport,
    file_of,
    last_reports,
    read_report,
)
from trackflow.usecases.catalogue.status import status
from trackflow_tests.helpers.catalogues import catalogue_of, result_of, synced
from trackflow_tests.helpers.liverc_site import Behaviour, Site, site_with
from trackflow_tests.helpers.stores import Clock

COUNT = 20


@pytest.fixture
def site() -> Iterator[Site]:
    with site_with(COUNT) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(site: Site, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with catalogue_of(site, "", tmp_path, clock) as opened:
        yield opened


def test_it_says_all_there_is_to_say(context: Context, site: Site, clock: Clock) -> None:
    synced(context)
    for track in site.tracks[:10]:
        track.website = None
    site.tracks[12].email = "no address@nowhere"
    site.tracks[13].name = "A | *bold* <b>name</b> `x`"
    site.pages["track15"] = Behaviour("error page")
    del site.tracks[19]
    clock.advance(60)
    report = synced(context)
    text = report.to_markdown()
    assert SyncReport.from_dict(json.loads(json.dumps(report.as_dict()))) == report
    for line in (
        "# Catalogue sync of liverc: completed",
        "| listed | 19 |",
        "| missed for the first time | 1 |",
        "| failed | 1 |",
        "`track19`",
        "| `track15` | structure |",
        r"A \| \*bold\* \<b\>name\</b\> \`x\`",
        "no address@nowhere",
        "## Slowest tracks",
        "| pages |",
    ):
        assert line in text, line
    website = report.completeness["website"]
    assert website["now"] is not None
    assert website["before"] is not None
    assert website["now"] < website["before"]
    expected = f"{(website['now'] - website['before']) * 100:+.1f} points"
    assert f"| website | {website['before']:.1%} | {website['now']:.1%} | {expected} |" in text
    assert report.anomaly_count == len(report.anomalies) == 1
    assert set(report.stages) == {"list", "pages", "check", "compare", "write"}
    assert len(report.slowest) == 10


def test_long_parts_are_cut_in_the_markdown_but_not_in_the_data(
    context: Context, site: Site
) -> None:
    report = SyncReport(str(uuid.uuid4()), "liverc", Clock()(), None, "completed")
    report.slugs["added"] = [f"track{k}" for k in range(MOST_SHOWN + 7)]
    text = report.to_markdown()
    assert "and 7 more" in text
    assert f"`track{MOST_SHOWN}`" not in text
    assert len(report.as_dict()["slugs"]["added"]) == MOST_SHOWN + 7


def test_reports_are_read_again_the_newest_first_and_lie_in_files(
    context: Context, site: Site, clock: Clock
) -> None:
    made = []
    for listing in ("ok", "empty", "ok"):
        site.listing = Behaviour(listing)
        made.append(synced(context))
        clock.advance(60)
    found = last_reports(context, "liverc", 10)
    assert found == made[::-1]
    assert [report.outcome for report in found] == ["completed", "refused", "completed"]
    assert last_reports(context, "file", 10) == []
    for report in made:
        assert read_report(context, uuid.UUID(report.sync_id)) == report
        path = file_of(context, report)
        assert path.parent == context.settings.home / "reports" / "catalogue"
        assert path.read_text() == report.to_markdown()
    with pytest.raises(NotFoundError):
        read_report(context, uuid.uuid4())
    assert status(context, "liverc").last == made[-1]


def test_a_file_that_a_killed_worker_did_not_write_is_written_by_the_next(context: Context) -> None:
    report = synced(context)
    file_of(context, report).unlink()
    synced(context)
    assert file_of(context, report).read_text() == report.to_markdown()


def test_whoever_starts_it_the_report_is_the_same(site: Site, tmp_path: Path) -> None:
    site.tracks[2].phone = "nonsense"
    reports = []
    for trigger in ("cli", "schedule", "api", "ui"):
        with catalogue_of(site, "", tmp_path / trigger) as context:
            reports.append(result_of(synced(context, trigger=trigger)))
    assert reports == reports[:1] * 4
    assert reports[0]["anomaly_count"] == 1
