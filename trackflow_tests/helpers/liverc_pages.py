"""Tracks made up for tests, and pages of LiveRC's structure about them."""

from dataclasses import dataclass, field
from html import escape
from random import Random
from urllib.parse import quote_plus

from trackflow.catalogue.records import Activity, CatalogueTrack

SHARED_NAMES = ("Hobby Park", "RC Raceway", "The Dirt Barn")
"""Names that two tracks bear each."""

PLACES = [
    ("Leeds LS1 4AP", "United Kingdom", "GB", "+44 113 234 5678", "+441132345678"),
    ("Phoenix, Arizona 85001", "United States", "US", "(602) 555-0142", "+16025550142"),
    ("33100 Tampere", "Finland", "FI", "03 1234 5678", "+358312345678"),
    ("Köln, 50667", "Germany", "DE", "0221 123456", "+49221123456"),
    ("São Paulo", "Brazil", "BR", "+55 11 91234-5678", "+5511912345678"),
]
WORDS = ["Åsby", "Zürich", "Coyote", "Ñandú", "Thunder", "Silver", "Østre", "Maple", "東京", "Bay"]


@dataclass(slots=True)
class SiteTrack:
    """A track as the test site shows it; None and "N/A" as the pages of a real site have them."""

    slug: str
    name: str
    series_code: str | None = None
    activity: Activity | None = None
    event_name: str | None = None
    has_video: bool | None = None
    is_featured: bool = False
    street: list[str] = field(default_factory=list)
    city: str | None = None
    country: str | None = None
    country_code: str | None = None
    phone: str | None = None
    e164: str | None = None
    website: str | None = None
    email: str | None = None
    stats: dict[str, int] | None = None
    panels: dict[str, int] | None = None
    has_map: bool = True
    age: str = "last week"


def made_up_tracks(count: int, seed: int = 1) -> list[SiteTrack]:
    """So many tracks, the same for the same seed: names used twice, gaps, N/As, large numbers."""
    random = Random(seed)
    tracks = [_made_up(random, number) for number in range(count)]
    for pair, name in enumerate(SHARED_NAMES):
        for track in tracks[pair * 2 : pair * 2 + 2]:
            track.name = name
    return tracks


def _made_up(random: Random, number: int) -> SiteTrack:
    track = SiteTrack(f"track{number}", f"{random.choice(WORDS)} & Sons' R/C <{number}>")
    track.series_code = random.choice([None, "JBRL", "NCTS"])
    track.has_video = random.choice([None, None, True, False])
    track.is_featured = random.random() < 0.02
    track.age = random.choice(["1 minute ago", "Yesterday", "last week", "last year"])
    if random.random() < 0.1:
        track.activity = random.choice(list(Activity))
        track.event_name = f"Club race #{number} — round 2"
    if random.random() < 0.9:
        track.city, track.country, track.country_code, phone, e164 = random.choice(PLACES)
        track.street = [f"{number} Main St."] + ["Hall B"] * (random.random() < 0.2)
        if random.random() < 0.8:
            track.phone, track.e164 = phone, e164
    if random.random() < 0.7:
        track.website = f"http://www.track{number}.example.com/rc?a=1&b=2"
    if random.random() < 0.7:
        track.email = f"info.{number}@track{number}.example.com"
    if random.random() < 0.95:
        names = ("Laps", "Practice Sessions", "Races", "Entries", "Events")
        track.stats = {name: int(10 ** random.uniform(0, 7)) for name in names}
    if random.random() < 0.9:
        track.panels = {name: random.randrange(3000) for name in ("Results", "Sessions", "Videos")}
    track.has_map = bool(track.city) and random.random() < 0.95
    return track


def expected(track: SiteTrack, url: str) -> CatalogueTrack:
    """What trackflow should make of it."""
    stats, panels = track.stats or {}, track.panels or {}
    return CatalogueTrack(
        slug=track.slug,
        name=track.name,
        url=url,
        series_code=track.series_code,
        activity=track.activity,
        event_name=track.event_name,
        has_video=track.has_video,
        is_featured=track.is_featured,
        address="\n".join(track.street) or None,
        city=track.city,
        country=track.country,
        country_code=track.country_code,
        phone=track.e164,
        email=track.email,
        website=track.website,
        map_query=_map_query(track) if track.has_map else None,
        laps=stats.get("Laps"),
        practice_sessions=stats.get("Practice Sessions"),
        races=stats.get("Races"),
        entries=stats.get("Entries"),
        events=stats.get("Events"),
        results_this_month=panels.get("Results"),
        sessions_this_month=panels.get("Sessions"),
        videos_this_month=panels.get("Videos"),
    )


def _map_query(track: SiteTrack) -> str:
    return ", ".join([*track.street, track.city or "", track.country or ""])


def list_page(tracks: list[SiteTrack]) -> str:
    """The page with all tracks."""
    rows = "\n".join(map(_list_row, tracks))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Tracks</title></head><body>
<div class="navbar"><a href="//live.example/">Home</a></div>
<table class="table track_list"><thead><tr><th>Status</th><th>Track</th></tr></thead>
<tbody>
{rows}
</tbody></table>
<script>$(".clickable-row").click(function () {{ go($(this).data("href")); }});</script>
</body></html>"""


def _list_row(track: SiteTrack) -> str:
    icons = ""
    if track.has_video is not None:
        icons += f'<i class="fa status_video_{int(track.has_video)}"></i>'
    if track.activity is not None:
        icons += f'<i class="fa {_ICONS[track.activity]}"></i>'
    if track.is_featured:
        icons += '<i class="fa status_featured"></i>'
    code = f'<span class="hidden">{track.series_code}</span>' if track.series_code else ""
    event = ""
    if track.event_name:
        event = f'<div class="indent"><small>{escape(track.event_name)}</small></div>'
    return (
        f'<tr class="clickable-row" data-href="//{track.slug}.liverc.com/live/">'
        f"<td>{icons}<small><small>{track.age}</small></small></td>"
        f'<td><a href="//{track.slug}.liverc.com/">{code}<strong>{escape(track.name)}</strong></a>'
        f"{event}</td></tr>"
    )


_ICONS = {Activity.RACING: "status_2", Activity.PRACTICE: "status_1"}


def dashboard_page(track: SiteTrack) -> str:
    """A track's own page."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(track.name)}</title></head><body>
<h1 class="page-header">{escape(track.name)}'s Dashboard</h1>
{_panels(track)}
<div class="panel panel-default"><div class="panel-heading">Recent Events</div>
<table class="table"><tr><th>Event</th><th>Entries</th><th>Races</th></tr>
<tr><td><a href="/results/1">Round 1</a></td><td>41</td><td>12</td></tr></table></div>
{_address(track)}
{_map(track)}
{_stats(track)}
</body></html>"""


def _panels(track: SiteTrack) -> str:
    if track.panels is None:
        return '<div class="dashboard_panels"></div>'
    live = '<div class="huge"><i class="fa fa-times"></i></div><div class="stats">Live</div>'
    shown = [live] + [
        f'<div class="huge">{number:,}</div><div class="stats">{name} This Month</div>'
        for name, number in track.panels.items()
    ]
    return '<div class="row dashboard_panels">{}</div>'.format(
        "".join(f'<div class="panel panel-primary"><div>{text}</div></div>' for text in shown)
    )


def _address(track: SiteTrack) -> str:
    lines = [f"<strong>{escape(track.name)}</strong>", *map(escape, track.street)]
    lines += [escape(text) for text in (track.city, track.country) if text]
    lines.append(f'<abbr title="Phone">P:</abbr> {track.phone or "N/A"}')
    site = "N/A"
    if track.website:
        shown = escape(track.website)
        site = f'<a href="{shown}" target="_blank">{shown[:20]}…</a>'
    lines.append(f'<abbr title="Website">W:</abbr> {site}')
    mail = "N/A"
    if track.email:
        user, _, domain = track.email.partition("@")
        mail = f"<a href=\"javascript:noSpam('{user}', '{domain}')\">Send an e-mail</a>"
    lines.append(f'<abbr title="E-Mail">E:</abbr> {mail}')
    return '<address class="small">\n' + "<br>\n".join(lines) + "\n</address>"


def _map(track: SiteTrack) -> str:
    if not track.has_map:
        return ""
    return (
        '<iframe width="100%" src="https://maps.example.com/maps?hl=en&amp;q='
        f'{quote_plus(_map_query(track))}&amp;output=embed"></iframe>'
    )


def _stats(track: SiteTrack) -> str:
    if track.stats is None:
        return ""
    rows = "".join(
        f"<tr><td>{name}</td><td>{number:,}</td></tr>" for name, number in track.stats.items()
    )
    return (
        '<div class="panel panel-default"><div class="panel-heading">Lifetime Track Stats</div>'
        f'<div class="panel-body"><table class="table">{rows}</table></div></div>'
    )


ERROR_PAGE = """<!DOCTYPE html><html><body><h1>Oops!</h1>
<p>We are having some trouble right now. Please come back later.</p></body></html>"""
