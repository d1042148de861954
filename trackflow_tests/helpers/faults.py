"""A service whose connection to the reader is bad: some of its files and routes do not answer."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from trackflow.context import Context
from trackflow.web.server import uvicorn_config
from trackflow_tests.helpers.running_api import running_server


@dataclass
class Faults:
    """What goes wrong; a path is known by its end.

    Attributes:
        refused: how often more a path is answered with 503, as a proxy does.
        silent: paths that are never answered.
        replaced: paths whose answer is this JSON text instead.
        asked: how often each path was asked for.
    """

    refused: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    replaced: dict[str, str] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.refused.clear()
        self.silent.clear()
        self.replaced.clear()
        self.asked.clear()

    def answer_to(self, path: str) -> tuple[int, str] | None:
        """The status and body in place of the true ones; None for those."""
        for end, left in self.refused.items():
            if path.endswith(end) and left:
                self.refused[end] = left - 1
                return 503, "<h1>503 Service Unavailable</h1>"
        return next(
            ((200, text) for end, text in self.replaced.items() if path.endswith(end)), None
        )


@contextmanager
def faulty_api(context: Context) -> Iterator[tuple[str, Faults]]:
    """The address of a running API, and what goes wrong on the way to it."""
    faults = Faults()
    config = uvicorn_config(context, "127.0.0.1", 0)
    service: Any = config.app

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await service(scope, receive, send)
        path = scope["path"]
        faults.asked[path] += 1
        while any(path.endswith(end) for end in faults.silent):
            await asyncio.sleep(0.1)
        answer = faults.answer_to(path)
        if answer is None:
            return await service(scope, receive, send)
        status, text = answer
        kind = b"application/json" if status == 200 else b"text/html"
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}
        )
        return await send({"type": "http.response.body", "body": text.encode()})

    config.app = proxy
    with running_server(config) as address:
        yield address, faults
        faults.heal()
