"""The page for a person without access: it shows what to do; a program gets JSON instead."""

from html import escape

from fastapi import Request, Response

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>trackflow needs a token</title>
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/page.css">
<main class="refused">
<h1>trackflow needs a token</h1>
<p>{message}</p>
<p>Run this where trackflow runs, then sign in on <a href="/">the map</a> with what it prints:</p>
<pre>trackflow token create me --scope admin</pre>
<p>Without tokens, trackflow answers only programs of the user that runs it, on the same machine.
If no proxy stands before it and nobody else uses this machine, this lets you in again:</p>
<pre>trackflow token local on</pre>
</main>
</html>
"""

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"


def wants_page(request: Request) -> bool:
    """Whether a browser requests a page to show, and not a script of a page."""
    accepted = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in accepted.lower()


def refused_page(status: int, message: str, headers: dict[str, str]) -> Response:
    """Make the HTML page; it holds nothing of the request but the escaped message."""
    return Response(
        PAGE.format(message=escape(message[:1].upper() + message[1:])),
        status,
        headers | {"Content-Security-Policy": POLICY},
        media_type="text/html; charset=utf-8",
    )
