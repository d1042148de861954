"""The page for a person without access: it shows what to do; a program gets JSON instead."""

from html import escape

from fastapi import Request, Response

PAGE = """\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/page.css">
<main class="refused">
<h1>{title}</h1>
<p lang="en">{message}</p>
<p>{make}</p>
<pre>trackflow token create me --scope admin</pre>
<p>{local}</p>
<pre>trackflow token local on</pre>
</main>
</html>
"""

WORDS = {
    "en": {
        "title": "trackflow needs a token",
        "make": "Run this where trackflow runs, then sign in on "
        '<a href="/">the map</a> with what it prints:',
        "local": "Without tokens, trackflow answers only programs of the user that runs it, on the "
        "same machine. If no proxy stands before it and nobody else uses this machine, this lets "
        "you in again:",
    },
    "de": {
        "title": "trackflow braucht ein Token",
        "make": "Dies dort ausführen, wo trackflow läuft, und sich auf "
        '<a href="/">der Karte</a> mit der Ausgabe anmelden:',
        "local": "Ohne Tokens antwortet trackflow nur Programmen des Benutzers, der es ausführt, "
        "auf demselben Rechner. Wenn kein Proxy davorsteht und niemand sonst diesen Rechner "
        "benutzt, öffnet dies den Zugang wieder:",
    },
}
"""The page has no scripts, so its words are here and not in the dictionaries of the pages."""

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"


def wants_page(request: Request) -> bool:
    """Whether a browser requests a page to show, and not a script of a page."""
    accepted = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in accepted.lower()


def language_of(request: Request) -> str:
    """The first language of the browser's that the page has; English if it has none."""
    wanted = request.headers.get("accept-language", "").lower().split(",")
    found = (part.partition(";")[0].strip().partition("-")[0] for part in wanted)
    return next((language for language in found if language in WORDS), "en")


def refused_page(status: int, message: str, headers: dict[str, str], language: str) -> Response:
    """Make the HTML page; it holds nothing of the request but the escaped message."""
    said = escape(message[:1].upper() + message[1:])
    return Response(
        PAGE.format(language=language, message=said, **WORDS[language]),
        status,
        headers | {"Content-Security-Policy": POLICY, "Vary": "Accept, Accept-Language"},
        media_type="text/html; charset=utf-8",
    )
