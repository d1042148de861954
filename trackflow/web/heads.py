"""HEAD: what GET would answer, without its body. Monitors and `curl -I` ask so."""

from typing import Any


class HeadMiddleware:
    """Answers HEAD on every route that answers GET."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request of ASGI."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_no_body(message: Any) -> None:
            await send(
                message | {"body": b""} if message["type"] == "http.response.body" else message
            )

        inner = scope | {"method": "GET"}
        try:
            await self.app(inner, receive, send_no_body)
        finally:
            scope["route"] = inner.get("route")  # the log names it
