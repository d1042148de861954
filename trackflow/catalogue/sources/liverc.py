"""LiveRC: one page with all tracks, and a dashboard for each on a host of its own.

A page that lacks the landmarks that every such page has is none: either the site has changed its
structure, or it is an error page that came with status 200. Panels, addresses and tables that are
missing from a dashboard are ordinary.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from trackflow.catalogue import parse
from trackflow.catalogue.records import Activity, Anomaly, Details, ListedTrack, Listing
from trackflow.catalogue.validate import country_of, known
from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.polite import Page, PageClient
from trackflow.errors import (
    RedirectError,
    SettingsError,
    SourceUnavailableError,
    StructureChangedError,
)
from trackflow.settings import Settings

LIST_URL = "https://live.liverc.com/"
DASHBOARD_URL = "https://{slug}.liverc.com/"

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# A plain first word: ignoring case altogether would make the search ten times slower.
_STATS_HEADING = re.compile(r"Lifetime(?:\s|<[^>]*>)+[Tt]rack(?:\s|<[^>]*>)+[Ss]tats")
_STATS = {
    "laps": "laps",
    "practice sessions": "practice_sessions",
    "races": "races",
    "entries": "entries",
    "events": "events",
}
_PANELS = {
    "results": "results_this_month",
    "sessions": "sessions_this_month",
    "videos": "videos_this_month",
}


def connector(settings: Settings) -> "LiveRc":
    """LiveRC, at the addresses of `TRACKFLOW_LIVERC_URL`."""
    return LiveRc(*liverc_addresses(settings.liverc_url))


@dataclass(frozen=True, slots=True)
class LiveRc:
    """LiveRC as a connector.

    Attributes:
        list_url: where the list of all tracks is.
        dashboard_url: where a track's page is; `{slug}` stands for the track's.
        source: its name.
    """

    list_url: str = LIST_URL
    dashboard_url: str = DASHBOARD_URL
    source: str = "liverc"

    def __post_init__(self) -> None:
        if "{slug}" not in self.dashboard_url:
            raise SettingsError(
                f"the dashboards' address {self.dashboard_url!r} needs a {{slug}}, "
                f"as in {DASHBOARD_URL}"
            )

    @property
    def site(self) -> str:
        """Host and port of the list, as what the rate limit and the kill switch go by."""
        return urlsplit(self.list_url).netloc.rpartition("@")[2]

    def list_tracks(self, web: PageClient, deadline: Deadline) -> Listing:
        """All tracks."""
        page = web.get(self.list_url, deadline)
        return parse_list(page.body, self.dashboard_url, page.url)

    def fetch_details(self, listed: ListedTrack, web: PageClient, deadline: Deadline) -> Details:
        """A track's dashboard."""
        url = listed.url or self.dashboard_url.format(slug=listed.slug)
        return parse_dashboard(web.get(url, deadline), url)


def parse_list(
    body: bytes, dashboard_url: str = DASHBOARD_URL, shown_url: str = LIST_URL
) -> Listing:
    """The list's page.

    Args:
        body: as it came.
        dashboard_url: with `{slug}`.
        shown_url: where it came from, for messages.

    Raises:
        StructureChangedError: it has no list of tracks in the known form.
    """
    page = LexborHTMLParser(parse.html_of(body))
    table = page.css_first("table.track_list")
    if table is None:
        raise StructureChangedError(
            f"{shown_url} has no table.track_list: an error page, or the site has changed"
        )
    nodes = table.css("tbody tr.clickable-row")
    if not nodes and table.css_first("tbody tr td a[href]") is not None:
        raise StructureChangedError(
            f"{shown_url} has a list without tr.clickable-row: the site has changed"
        )
    rows: dict[str, ListedTrack] = {}
    anomalies: list[Anomaly] = []
    for number, node in enumerate(nodes, 1):
        row = _row(node, dashboard_url)
        if row is None:
            anomalies.append(Anomaly("", "row", _shown(node), f"row {number} links to no track"))
        elif row.slug in rows:
            reason = f"listed twice, as {rows[row.slug].name!r} and as {row.name!r}"
            anomalies.append(Anomaly(row.slug, "slug", row.slug, reason))
        else:
            rows[row.slug] = row
    if nodes and not any(row.name for row in rows.values()):
        raise StructureChangedError(
            f"{shown_url} lists {len(nodes)} rows of which none has both a link and a name: "
            "the site has changed"
        )
    return Listing(tuple(rows.values()), tuple(anomalies), len(nodes), _ends_whole(body))


def parse_dashboard(page: Page, asked_url: str) -> Details:
    """A track's own page.

    Args:
        page: as it came.
        asked_url: where it was asked for.

    Raises:
        StructureChangedError: it has no dashboard in the known form.
        RedirectError: the site leads elsewhere in place of a dashboard.
        SourceUnavailableError: it breaks off.
    """
    text = parse.html_of(page.body)
    html = LexborHTMLParser(text)
    heading = parse.text_of(html.css_first("h1.page-header"))
    if heading is None or "dashboard" not in heading.lower():
        if page.url.rstrip("/") != asked_url.rstrip("/"):
            raise RedirectError(f"{asked_url} leads to {page.url}, which is no dashboard")
        raise StructureChangedError(
            f"{asked_url} has no h1.page-header of a dashboard: an error page, or the site has "
            "changed"
        )
    stats = parse.table_under(text, _STATS_HEADING)
    if stats is None and b"</body" not in page.body and b"</html" not in page.body:
        raise SourceUnavailableError(f"{asked_url} breaks off")
    raw: dict[str, str | None] = dict(_panels(html))
    if stats is not None:
        raw |= parse.numbers_by_label(stats, _STATS)
    block = html.css_first("address.small")
    if block is not None:
        raw |= _address(block, heading)
    raw["map_query"] = _map_query(html)
    return Details(raw)


def _row(node: LexborNode, dashboard_url: str) -> ListedTrack | None:
    """A row of the list, None if it links to no track."""
    links = ((link.attributes.get("href") or "", link) for link in node.css("td a[href]"))
    found = ((slug_of(href), link) for href, link in links)
    slug, link = next(((s, link) for s, link in found if s is not None), (None, None))
    if slug is None or link is None:
        data_href = slug_of(node.attributes.get("data-href") or "")
        if data_href is None:
            return None
        slug = data_href
    icons = {name for icon in node.css("td i") for name in (icon.attrs.get("class") or "").split()}
    raw: dict[str, str | None] = {
        "series_code": _series_code(node),
        "event_name": parse.text_of(node.css_first("div.indent small")),
        "is_featured": "true" if "status_featured" in icons else "false",
        "activity": None,
        "has_video": None,
    }
    if "status_2" in icons:
        raw["activity"] = Activity.RACING
    elif "status_1" in icons:
        raw["activity"] = Activity.PRACTICE
    if icons & {"status_video_0", "status_video_1"}:
        raw["has_video"] = "true" if "status_video_1" in icons else "false"
    name = parse.text_of(node.css_first("td a strong"))
    return ListedTrack(slug, name, dashboard_url.format(slug=slug), raw)


def slug_of(href: str) -> str | None:
    """The slug in a link such as `//SLUG.liverc.com/`, None if it is no such link."""
    try:
        host = urlsplit(href.strip()).hostname or ""
    except ValueError:
        return None
    label, dot, _ = host.lower().partition(".")
    return label if dot and label != "www" and _SLUG.fullmatch(label) else None


def _series_code(row: LexborNode) -> str | None:
    for span in row.css("td span"):
        hidden = (span.attrs.get("class") or "") + (span.attrs.get("style") or "")
        if "hid" in hidden or "none" in hidden:
            return parse.text_of(span)
    return None


def _panels(html: LexborHTMLParser) -> Iterator[tuple[str, str | None]]:
    """This month's numbers; the live panel has an icon in place of one."""
    for panel in html.css(".dashboard_panels .panel"):
        meaning = (parse.text_of(panel.css_first(".stats")) or "").lower()
        name = next((field for word, field in _PANELS.items() if word in meaning), None)
        number = parse.text_of(panel.css_first(".huge"))
        if name is not None and number is not None:
            yield name, number


def _address(node: LexborNode, heading: str) -> dict[str, str | None]:
    """Name, street lines, city, country; phone, website and e-mail by their labels."""
    block = parse.address_block(node)
    lines = [text for text in block.plain if known(text) is not None]
    if lines and _is_name(lines[0], node, heading):
        del lines[0]
    country = lines.pop() if lines and country_of(lines[-1]) is not None else None
    if country is None and lines:
        before, _, last = lines[-1].rpartition(",")
        # Georgia after a town is more often the state.
        if before and len(last.strip()) > 3 and last.strip() != "Georgia" and country_of(last):
            lines[-1], country = before.strip(), last.strip()
    city = lines.pop() if lines else None
    raw: dict[str, str | None] = {
        "address": "\n".join(lines) or None,
        "city": city,
        "country": country,
    }
    for name, label in (("phone", "phone"), ("website", "website"), ("email", "email")):
        line = block.labelled.get(label)
        if line is not None:
            raw[name] = _contact(name, line)
    return raw


def _is_name(line: str, block: LexborNode, heading: str) -> bool:
    """Whether the first line is the track's name; where the name is missing it is a street."""
    return (
        heading.startswith(line)
        or line == parse.text_of(block.css_first("strong, b"))
        or not line[0].isdigit()
    )


def _contact(name: str, line: parse.AddressLine) -> str | None:
    """What a labelled line gives: the link behind it rather than the text in front."""
    href = line.href or ""
    if line.text and known(line.text) is None:
        return None  # "N/A", whatever is behind it
    if name == "email":
        return (parse.email_in(href) if href else None) or line.text or None
    if name == "website" and href and not href.lower().startswith(("javascript:", "#")):
        return href
    return line.text or None


def _map_query(html: LexborHTMLParser) -> str | None:
    frames = (frame.attributes.get("src") for frame in html.css("iframe[src]"))
    found = (parse.query_of(src, "q") for src in frames)
    # For an empty address the query is commas alone.
    return next((q.strip(" ,") for q in found if q and any(c.isalnum() for c in q)), None)


def _ends_whole(body: bytes) -> bool:
    """Whether the table ends after its last row: what is cut off does not."""
    lower = body.lower()
    return b"</table" in lower[max(lower.rfind(b"<tr"), 0) :]


def _shown(node: LexborNode) -> str:
    return (parse.text_of(node) or "")[:100]


def liverc_addresses(text: str) -> tuple[str, str]:
    """Where the list and a track's page (with `{slug}`) are, from `TRACKFLOW_LIVERC_URL`.

    Args:
        text: nothing for the real site; a base address, with tracks at BASE/SLUG/; the address of
            a track's page, with the list at its host ("live" in place of a slug in the host); or
            both addresses, with a space between them.

    Raises:
        SettingsError: it is none of these.
    """
    parts = text.split()
    if not parts:
        return LIST_URL, DASHBOARD_URL
    hint = f"write a base address, or two: {LIST_URL} {DASHBOARD_URL}"
    if len(parts) > 2 or not all(re.match(r"https?://[^/]", part) for part in parts):
        raise SettingsError(f"TRACKFLOW_LIVERC_URL={text!r} makes no sense; {hint}")
    if len(parts) == 2:
        if "{slug}" not in parts[1]:
            raise SettingsError(f"TRACKFLOW_LIVERC_URL has no {{slug}} in its second half; {hint}")
        return parts[0], parts[1]
    address = parts[0]
    if "{slug}" not in address:
        base = address.rstrip("/")
        return f"{base}/", f"{base}/{{slug}}/"
    scheme, _, rest = address.partition("://")
    host = rest.partition("/")[0].replace("{slug}", "live")
    return f"{scheme}://{host}/", address
