"""Logs of trackflow's own programs: text for people, or JSON with one object a line for programs.

Each line bears the ids of the work that it belongs to (request, job, run, batch), and no line bears
a token or a position, whatever was logged: a library's message or an error's text may hold them.

Dagster's programs keep their own logging, which has the run and the step of each line.
"""

import datetime as dt
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import orjson

JSON = "json"

IDS: dict[str, ContextVar[str]] = {
    name: ContextVar(name) for name in ("request_id", "job_id", "run_id", "batch")
}
"""Ids of the work at hand: of a request, a job, a Dagster run, a device day."""

FIELDS = "trackflow_fields"
"""Attribute of a record (`extra=`) with further fields of its line."""

_HIDDEN = (
    # tokens: trackflow's own, wherever they are, and those of headers and URLs
    (re.compile(r"\btf_[\w-]{16,}"), "…"),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{6,}"), r"\1\2…"),
    (re.compile(r"(?i)\b(token|password|passwd|secret|api_?key)([\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;)]+"),
     r"\1\2…"),
    (re.compile(r"(\w://)[^/\s@]+@"), r"\1…@"),
    # queries of URLs, which hold positions, boxes and tokens
    (re.compile(r"\?[^\s\"'<>?=]*=[^\s\"'<>]*"), "?…"),
    (re.compile(r"polyline6?\([?-~]*"), "polyline(…"),
    # degrees, or degrees with minutes as NMEA has them: four decimals are a place within metres;
    # seconds of a time stay
    (re.compile(r"(?<![\d.])(?<!:\d\d:)-?\d{1,5}\.\d{4,}(?![\d.])"), "…"),
)  # fmt: skip


_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that terminals obey: colours, titles, cursors, the direction of writing."""


def visible(text: str) -> str:
    """Text of files, senders and people without what would change the terminal that shows it."""
    return _OBEYED.sub("\ufffd", text)


def hide(text: str) -> str:
    """A text without what may be a token or a position."""
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


@contextmanager
def bound(**ids: str | None) -> Iterator[None]:
    """Lines that are logged within bear these ids (names of `IDS`); None leaves one out."""
    tokens = [(IDS[name], IDS[name].set(value)) for name, value in ids.items() if value is not None]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)


def ids_now() -> dict[str, str]:
    """The ids of the work at hand."""
    found = {name: variable.get("") for name, variable in IDS.items()}
    return {name: value for name, value in found.items() if value}


class TextFormatter(logging.Formatter):
    """Lines for people, with the ids in brackets."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """One line: a name with a line end in it would look like a line of ours."""
        return " ".join(super().formatMessage(record).splitlines())

    def format(self, record: logging.LogRecord) -> str:
        """The line, and an error's stack below it."""
        ids = " ".join(f"{name}={value}" for name, value in ids_now().items())
        text = super().format(record)
        head, *stack = text.split("\n", 1)
        return visible(hide("\n".join([f"{head} [{ids}]" if ids else head, *stack])))


class JsonFormatter(logging.Formatter):
    """One JSON object a line; an error's stack is one of its texts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hide(record.getMessage()),
            **{name: hide(value) for name, value in ids_now().items()},
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["error"] = hide(self.formatException(record.exc_info))
        return orjson.dumps(line, option=orjson.OPT_UTC_Z, default=str).decode()


_FORMATTERS = (TextFormatter, JsonFormatter)


def set_up(log_format: str) -> None:
    """Send the logs of this process to stderr: warnings as text, or all of INFO and above as JSON.

    Args:
        log_format: text or json.
    """
    is_json = log_format == JSON
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if is_json else TextFormatter())
    root = logging.getLogger()
    for former in [one for one in root.handlers if isinstance(one.formatter, _FORMATTERS)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(logging.INFO if is_json else logging.WARNING)
    # httpx logs every request's address at INFO, and OSRM's hold people's positions
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # psycopg warns of how it ends after an error, which is raised and said anyway
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def note(text: str, *, is_error: bool = False) -> bool:
    """Log what a command prints beside its result, where logs are JSON; whether that is so."""
    handlers = logging.getLogger().handlers
    is_json = any(isinstance(one.formatter, JsonFormatter) for one in handlers)
    if is_json:
        logging.getLogger("trackflow").log(logging.ERROR if is_error else logging.INFO, "%s", text)
    return is_json
