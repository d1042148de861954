"""Every error says by its class whether a retry helps, and what retries or answers goes by that."""

import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from trackflow import errors
from trackflow.concurrency.deadline import NEVER, Deadline, TooLateError
from trackflow.concurrency.retrying import Retry, can_get_better
from trackflow.errors import RetryableError, SourceBusyError, TrackflowError
from trackflow.web.problems import refused

PACKAGE = Path(errors.__file__).parent

QUICK = Retry(attempts=3, wait_first_s=0.0001, wait_most_s=0.0001, jitter_s=0.0)


def classes() -> Iterator[type[TrackflowError]]:
    """The errors that all parts of trackflow share."""
    for found in vars(errors).values():
        if inspect.isclass(found) and found.__module__ == errors.__name__:
            yield found


def test_every_error_has_the_one_base_and_says_what_it_is() -> None:
    for found in classes():
        assert issubclass(found, TrackflowError)
        assert (found.__doc__ or "").strip().endswith((".", "none."))
        assert str(found("mend it")) == "mend it"
        assert found.retryable == issubclass(found, RetryableError)


def test_who_names_what_is_not_there_is_told_where_to_look() -> None:
    """Tiles are asked for by programs."""
    named = re.compile(r'NotFoundError\(\s*f?"there is no (?!such tile).*?\n')
    found = [call for path in PACKAGE.rglob("*.py") for call in named.findall(path.read_text())]
    assert len(found) > 10
    for call in found:
        assert "`trackflow " in call or "({names})" in call


def tries_of(error: TrackflowError, deadline: Deadline = NEVER) -> int:
    tries: list[int] = []

    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        QUICK.call(fail, deadline, tries.append)
    return len(tries)


def test_what_may_pass_is_tried_again_and_nothing_else_is() -> None:
    for found in classes():
        assert can_get_better(found("x")) == found.retryable
        assert tries_of(found("x")) == (QUICK.attempts if found.retryable else 1)
    assert tries_of(TooLateError("x")) == 1, "there is no time for it"
    assert tries_of(SourceBusyError("x", 3600), Deadline.after(60)) == 1


def test_a_sender_is_told_to_come_back_where_that_helps() -> None:
    """A phone repeats what got a 503, and drops what got anything from 400 to 499."""
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []})
    for found in classes():
        answer = asyncio.run(refused(request, found("mend it")))
        assert b"mend it" in answer.body
        assert (answer.status_code == 503) == found.retryable, found
        assert ("retry-after" in answer.headers) == found.retryable, found
        assert 400 <= answer.status_code < 500 or answer.status_code in (503, 507), found
