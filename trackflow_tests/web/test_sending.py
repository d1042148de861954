"""Answers are packed where they are long and their reader takes that."""

import gzip

import pytest
from starlette.requests import Request

from trackflow.web.answers.sending import CSV, JSON, LEAST_PACKED, answer_bytes

LONG, SHORT = b"1," * LEAST_PACKED, b"1,2"


@pytest.mark.parametrize(
    ("accepted", "body", "media_type", "is_packed"),
    [
        ("gzip, deflate, br", LONG, JSON, True),
        ("br, GZIP;q=0.5", LONG, CSV, True),
        ("gzip", SHORT, JSON, False),
        ("gzip", LONG, "application/pdf", False),
        ("gzip;q=0, br", LONG, JSON, False),
        ("identity", LONG, JSON, False),
        ("", LONG, JSON, False),
    ],
)
def test_long_texts_are_packed_for_who_takes_that(
    accepted: str, body: bytes, media_type: str, is_packed: bool
) -> None:
    def ask(**more: str) -> Request:
        headers = {"accept-encoding": accepted, **more}.items()
        return Request({"type": "http", "headers": [(a.encode(), b.encode()) for a, b in headers]})

    sent = answer_bytes(ask(), body, media_type)
    assert ("content-encoding" in sent.headers) == is_packed
    assert sent.headers["vary"] == "Accept-Encoding"
    read = gzip.decompress(bytes(sent.body)) if is_packed else sent.body
    assert read == body
    again = answer_bytes(ask(**{"if-none-match": sent.headers["etag"]}), body, media_type)
    assert (again.status_code, again.body) == (304, b"")
