import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.catalogue.records import Activity, CatalogueTrack, Details
from trackflow.catalogue.sources.listing_file import ListingFile
from trackflow.catalogue.sources.liverc import (
    DASHBOARD_URL,
    LiveRc,
    parse_dashboard,
    parse_list,
    slug_of,
)
from trackflow.catalogue.validate import validate
from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.polite import Page, PoliteClient
from trackflow.concurrency.processor import Processor
from trackflow.concurrency.rate_limit import RateLimit
from trackflow.concurrency.retrying import Retry
from trackflow.concurrency.switch import Switch
from trackflow.errors import (
    RedirectError,
    SettingsError,
    SourceUnavailableError,
    StructureChangedError,
)
from trackflow_tests.helpers.liverc_pages import (
    ERROR_PAGE,
    SiteTrack,
    dashboard_page,
    expected,
    list_page,
    made_up_tracks,
)
from trackflow_tests.helpers.liverc_site import Behaviour, Site, site_with
from trackflow_tests.helpers.waiting import PATIENCE_S

URL = "https://here.liverc.com/"
QUICK = Retry(attempts=3, wait_first_s=0.001, wait_most_s=0.001, jitter_s=0.0)


@pytest.fixture(scope="module")
def tracks() -> list[SiteTrack]:
    return made_up_tracks(1090)


@pytest.fixture(scope="module")
def client() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


@pytest.fixture
def web(client: HttpClient) -> PoliteClient:
    return PoliteClient(RateLimit(1e6), Switch("the test site"), client=client)


def details(html: str) -> Details:
    return parse_dashboard(Page(URL, html.encode()), URL)


def address(*lines: str) -> Details:
    block = "<br>".join(lines)
    return details(
        f"<h1 class='page-header'>X's Dashboard</h1><address class='small'>{block}</address>"
        "</body></html>"
    )


def test_every_track_comes_as_it_is_written(tracks: list[SiteTrack]) -> None:
    listing = parse_list(list_page(tracks).encode())
    assert listing.row_count == len(listing.rows) == 1090
    assert listing.is_whole
    assert not listing.anomalies
    assert len({row.name for row in listing.rows}) == 1087
    assert len({row.slug for row in listing.rows}) == 1090
    for row, track in zip(listing.rows, tracks, strict=True):
        found, anomalies = validate(row, details(dashboard_page(track)))
        assert found == expected(track, DASHBOARD_URL.format(slug=track.slug))
        assert not anomalies


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=30
).filter(lambda s: s.strip() == s and "  " not in s and not re.search(r"[^\S ]", s))


@settings(max_examples=50)
@given(
    name=texts,
    event=st.none() | texts,
    laps=st.integers(0, 10**12),
    activity=st.none() | st.sampled_from(Activity),
    has_video=st.none() | st.booleans(),
)
def test_any_name_and_number_survives(
    name: str, event: str | None, laps: int, activity: Activity | None, has_video: bool | None
) -> None:
    track = SiteTrack("here", name, None, activity, event, has_video, stats={"Laps": laps})
    row = parse_list(list_page([track]).encode()).rows[0]
    page = details(dashboard_page(track))
    assert row.name == name
    assert row.raw["event_name"] == event
    assert row.raw["activity"] == activity
    assert row.raw["has_video"] == {None: None, True: "true", False: "false"}[has_video]
    assert page.raw["laps"] == f"{laps:,}"


@settings(max_examples=60)
@given(cut=st.integers(0, 8000), noise=st.binary(max_size=30), at=st.integers(0, 8000))
def test_no_page_however_broken_does_more_than_say_so(cut: int, noise: bytes, at: int) -> None:
    some = made_up_tracks(8)
    for body in (list_page(some).encode(), dashboard_page(some[5]).encode()):
        broken = body[:cut] + noise + body[cut + at :]
        for read in (parse_list, lambda b: parse_dashboard(Page(URL, b), URL)):
            try:
                read(broken)  # type: ignore[operator]
            except (StructureChangedError, SourceUnavailableError):
                continue


@settings(max_examples=60)
@given(cut=st.integers(0, 10_000))
def test_a_list_that_is_cut_off_never_passes_for_a_whole_one(cut: int) -> None:
    body = list_page(made_up_tracks(20)).encode()
    end = body.rfind(b"</table")
    try:
        listing = parse_list(body[: min(cut, end)])
    except StructureChangedError:
        return
    assert not listing.is_whole


@pytest.mark.parametrize(
    "body",
    [
        ERROR_PAGE,
        "",
        "{}",
        (
            '<table class="track_list"><tbody><tr class="row"><td><a href="//a.liverc.com/">'
            "<strong>A</strong></a></td></tr></tbody></table>"
        ),
        (
            '<table class="track_list"><tbody><tr class="clickable-row"><td>'
            '<a href="//a.liverc.com/"><em>A</em></a></td></tr></tbody></table>'
        ),
    ],
)
def test_a_list_without_its_landmarks_has_changed(body: str) -> None:
    with pytest.raises(StructureChangedError):
        parse_list(body.encode())


def test_rows_that_link_to_no_track_are_counted_and_reported() -> None:
    page = list_page(made_up_tracks(3))
    page = page.replace('href="//track1.liverc.com/"', 'href="/elsewhere"')
    page = page.replace('data-href="//track1.liverc.com/live/"', "")
    page = page.replace("//track2.liverc.com", "//track0.liverc.com")
    listing = parse_list(page.encode())
    assert [row.slug for row in listing.rows] == ["track0"]
    assert listing.row_count == 3
    assert [(a.slug, a.field) for a in listing.anomalies] == [("", "row"), ("track0", "slug")]
    assert "row 2 links to no track" in listing.anomalies[0].reason


@pytest.mark.parametrize(
    ("href", "slug"),
    [
        ("//oakland-rc.liverc.com/", "oakland-rc"),
        ("https://Oakland.liverc.com/live/", "oakland"),
        ("//www.liverc.com/", None),
        ("/tracks/1", None),
        ("//[::1/", None),
        ("javascript:void(0)", None),
        ("//a_b.liverc.com/", None),
    ],
)
def test_the_slug_is_the_first_label_of_the_host(href: str, slug: str | None) -> None:
    assert slug_of(href) == slug


def test_a_dashboard_with_nothing_but_its_heading_is_an_ordinary_one() -> None:
    found = details("<h1 class='page-header'>X's Dashboard</h1></body></html>")
    assert set(found.raw.values()) <= {None}


def test_an_error_page_is_no_dashboard() -> None:
    with pytest.raises(StructureChangedError, match=r"no h1\.page-header"):
        details(ERROR_PAGE)


def test_a_page_that_breaks_off_is_a_network_error() -> None:
    whole = dashboard_page(made_up_tracks(3)[2])
    with pytest.raises(SourceUnavailableError, match="breaks off"):
        details(whole[: whole.index("Lifetime")])


@pytest.mark.parametrize(
    "stats",
    [
        (
            "<h3>Lifetime Track Stats</h3><table><tr><td>Laps:</td><td>1,234</td></tr>"
            "<tr><th>Races</th><td>5</td></tr></table>"
        ),
        (
            "<div><h3>Lifetime <br>\n Track Stats</h3></div><div><table><tr><th>Laps</th>"
            "<th>Races</th></tr><tr><td>1,234</td><td>5</td></tr></table></div>"
        ),
        (
            "<table><caption>Lifetime  track stats</caption><tbody><tr><td>Laps</td><td>1,234</td>"
            "</tr><tr><td>Races</td><td>5</td></tr></tbody></table>"
        ),
        (
            "<table><tr><th colspan=2>Lifetime Track Stats</th></tr><tr><td>Laps</td><td>1,234</td>"
            "<td>Races</td><td>5</td></tr></table>"
        ),
    ],
)
def test_the_lifetime_numbers_are_found_in_tables_of_several_makes(stats: str) -> None:
    other = "<table><tr><th>Laps</th><th>Races</th></tr><tr><td>7</td><td>8</td></tr></table>"
    found = details(
        f"<h1 class='page-header'>X's Dashboard</h1><div>{other}<div>{stats}</div>{other}</div>"
    )
    assert found.raw["laps"] == "1,234"
    assert found.raw["races"] == "5"


@pytest.mark.parametrize(
    ("link", "email"),
    [
        ("<a href=\"javascript:noSpam('info','rc.example.com')\">mail</a>", "info@rc.example.com"),
        ("<a href='javascript:noSpam(\"info\",\"rc.example.com\");'>x</a>", "info@rc.example.com"),
        ("<a href='javascript:noSpam(%27info%27,%20%27rc.example.com%27)'>x</a>",
         "info@rc.example.com"),
        ("<a href='#' onclick=\"noSpam('info', 'rc.example.com')\">x</a>", "info@rc.example.com"),
        ("<a href='mailto:info@rc.example.com?subject=x'>x</a>", "info@rc.example.com"),
        ("info@rc.example.com", "info@rc.example.com"),
        ("<a href=\"javascript:noSpam('','')\">N/A</a>", None),
        ("N/A", None),
    ],
)  # fmt: skip
def test_hidden_addresses_are_found(link: str, email: str | None) -> None:
    assert address("<strong>X</strong>", f"<abbr title='E-Mail'>E:</abbr> {link}").raw.get(
        "email"
    ) in (email, "N/A" if email is None else email)


def test_labels_may_be_written_in_several_ways() -> None:
    found = address(
        "<strong>X</strong>",
        "<abbr title='Phone'>P:</abbr> N/A <abbr title='Website'>W:</abbr> <a href='http://'>N/A</a>",
        "E-Mail: <a href=\"javascript:noSpam('a','b.example.com')\">hidden</a>",
    )
    assert found.raw["email"] == "a@b.example.com"
    assert found.raw["phone"] in (None, "N/A")
    assert found.raw["website"] is None
    assert found.raw["address"] is None


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        (("1 Main St", "Leeds", "United Kingdom"), ("1 Main St", "Leeds", "United Kingdom")),
        (("1 Main St", "Hall B", "Oslo", "Norway"), ("1 Main St\nHall B", "Oslo", "Norway")),
        (("1 Main St", "Oslo, Norway"), ("1 Main St", "Oslo", "Norway")),
        (("1 Main St", "Atlanta, Georgia"), ("1 Main St", "Atlanta, Georgia", None)),
        (("Tbilisi", "Georgia"), (None, "Tbilisi", "Georgia")),
        (("N/A", "N/A", "Norway"), (None, None, "Norway")),
        (("N/A, N/A", "Norway"), (None, None, "Norway")),
        (("Somewhere",), (None, "Somewhere", None)),
        ((), (None, None, None)),
    ],
)
def test_an_address_is_taken_apart_from_its_end(
    lines: tuple[str, ...], parts: tuple[str | None, ...]
) -> None:
    found = address("<strong>X</strong>", *lines, "<abbr title='Phone'>P:</abbr> N/A")
    assert (found.raw["address"], found.raw["city"], found.raw["country"]) == parts


def test_where_the_name_is_missing_the_street_is_not_taken_for_it() -> None:
    assert address("1 Main St", "Oslo", "Norway").raw["address"] == "1 Main St"
    assert address("X", "1 Main St", "Oslo", "Norway").raw["address"] == "1 Main St"


@pytest.mark.parametrize(
    ("query", "wanted"), [("1+Main+St%2C+%C3%85s", "1 Main St, Ås"), ("%2C+%2C", None), ("", None)]
)
def test_the_map_says_what_it_looks_for(query: str, wanted: str | None) -> None:
    page = "<h1 class='page-header'>X's Dashboard</h1>"
    page += f"<iframe src='about:blank'></iframe><iframe src='//maps.example/?q={query}&z=9'>"
    assert details(page + "</iframe></body>").raw["map_query"] == wanted


def test_the_dashboards_address_needs_a_place_for_the_slug() -> None:
    with pytest.raises(SettingsError, match="slug"):
        LiveRc(dashboard_url="https://example.com/")


def test_a_site_is_read_by_several_at_once(web: PoliteClient) -> None:
    with site_with(150, (0.0, 0.02)) as site:
        found = everything(site, web)
        assert found == site.expected()
        assert 1 < site.most_at_once <= 6
        assert site.requests.total() == 151
        assert all(agent.startswith("trackflow") for agent in site.agents)


def test_each_bad_page_fails_by_itself_and_in_its_own_way(web: PoliteClient) -> None:
    web.slowest_s = 3.0
    kinds = {
        "missing": "missing page", "forbidden": "refused", "fail": "network", "busy": "busy",
        "away": "redirect", "loop": "redirect", "hang": "network", "drip": "network",
        "reset": "network", "cut": "network", "error page": "structure", "changed": "structure",
    }  # fmt: skip
    good = {"ok", "moved", "malformed", "gzip"}
    with site_with(len(kinds) + len(good)) as site:
        made = dict(zip([*kinds, *good], site.tracks, strict=True))
        site.pages = {track.slug: Behaviour(kind) for kind, track in made.items()}
        connector = site.connector()
        rows = {
            row.slug: row for row in connector.list_tracks(web, Deadline.after(PATIENCE_S)).rows
        }
        outcomes = Processor(6, item_s=PATIENCE_S, retry=replace(QUICK, attempts=2)).run(
            [rows[made[kind].slug] for kind in made],
            lambda row, deadline: connector.fetch_details(row, web, deadline),
        )
        by_kind = dict(zip(made, outcomes, strict=True))
        failed = {k: getattr(o.error, "kind", repr(o.error)) for k, o in by_kind.items() if o.error}
        assert failed == kinds
        tries = {kind: by_kind[kind].tries for kind in kinds}
        assert {kind for kind, number in tries.items() if number == 2} == {
            "fail", "busy", "hang", "drip", "reset", "cut",
        }  # fmt: skip
        for kind in ("ok", "moved", "gzip"):
            track, _ = validate(rows[made[kind].slug], by_kind[kind].result())
            assert track == site.expected()[track.slug]


def test_what_fails_now_and_then_comes_at_last(web: PoliteClient) -> None:
    with site_with(30, (0.0, 0.01)) as site:
        site.listing = Behaviour("fail", times=1)
        site.pages = {
            "track1": Behaviour("fail", times=2),
            "track2": Behaviour("busy", times=1, retry_after="0.1"),
            "track3": Behaviour("reset", times=1),
        }
        assert everything(site, web) == site.expected()
        assert site.requests["/"] == 2
        assert site.requests["/tracks/track1/"] == 3


def test_a_thrown_switch_ends_even_the_request_under_way(web: PoliteClient) -> None:
    with site_with(3) as site:
        connector = site.connector()
        rows = connector.list_tracks(web, Deadline.after(PATIENCE_S)).rows
        site.pages = {track.slug: Behaviour("hang") for track in site.tracks}
        switch = Switch("site", lambda: "enough" if site.requests.total() >= 3 else None, every_s=0)
        web.switch = switch
        outcomes = Processor(2, item_s=3600).run(
            rows, lambda row, deadline: connector.fetch_details(row, web, deadline)
        )
        assert all(type(o.error).__name__ == "SwitchedOffError" for o in outcomes)
        assert site.requests.total() == 3


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("error page", StructureChangedError),
        ("changed", StructureChangedError),
        ("loop", RedirectError),
        ("fail", SourceUnavailableError),
        ("cut", SourceUnavailableError),
    ],
)
def test_a_list_that_fails_gives_the_reason(
    web: PoliteClient, kind: str, error: type[Exception]
) -> None:
    with site_with(10) as site:
        site.listing = Behaviour(kind)
        with pytest.raises(error):
            site.connector().list_tracks(web, Deadline.after(PATIENCE_S))


@pytest.mark.parametrize(
    ("kind", "number", "is_whole"), [("empty", 0, True), ("half", 5, True), ("torn", None, False)]
)
def test_a_list_that_is_short_comes_as_it_is(
    web: PoliteClient, kind: str, number: int | None, is_whole: bool
) -> None:
    with site_with(10) as site:
        site.listing = Behaviour(kind)
        listing = site.connector().list_tracks(web, Deadline.after(PATIENCE_S))
        assert listing.is_whole == is_whole
        assert number is None or len(listing.rows) == number


@pytest.mark.parametrize("name", ["tracks.json", "tracks.csv"])
def test_a_second_kind_of_source_says_all_in_its_list(web: PoliteClient, name: str) -> None:
    with site_with(40) as site:
        connector = ListingFile(f"{site.url}/{name}")
        listing = connector.list_tracks(web, Deadline.after(PATIENCE_S))
        assert len(listing.rows) == listing.row_count == 40
        wanted = site.expected()
        for row in listing.rows:
            assert row.is_complete
            track, anomalies = validate(
                row, connector.fetch_details(row, web, Deadline.after(PATIENCE_S))
            )
            assert not anomalies
            assert track.latitude == 51.5
            for field in ("name", "address", "city", "country_code", "phone", "email", "website"):
                assert getattr(track, field) == getattr(wanted[row.slug], field)
        assert site.requests.total() == 1


def everything(site: Site, web: PoliteClient) -> dict[str, CatalogueTrack]:
    """All tracks of a site, fetched as a sync would."""
    connector = site.connector()
    deadline = Deadline.after(PATIENCE_S)
    listing = QUICK.call(lambda: connector.list_tracks(web, deadline), deadline)
    fetch: Callable[..., Details] = connector.fetch_details
    outcomes = Processor(6, item_s=PATIENCE_S, retry=QUICK).run(
        listing.rows, lambda row, until: fetch(row, web, until)
    )
    tracks = (validate(o.item, o.result())[0] for o in outcomes)
    return {track.slug: track for track in tracks}
