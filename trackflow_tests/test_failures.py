"""What a failing test leaves in CI's record."""

import pytest

from trackflow_tests.helpers.failures import LONGEST_MESSAGE, shorten


@pytest.mark.parametrize("between", ["x" * 5_000_000, "a line\n" * 100_000], ids=["one", "many"])
def test_of_a_long_message_the_begin_and_the_end_are_told(between: str) -> None:
    said = _said_of(f"the begin {between} the end")
    assert "the begin" in said
    assert "the end" in said
    assert len(said) < 2 * LONGEST_MESSAGE


def test_a_usual_message_is_told_whole() -> None:
    assert "x" * 2_000 in _said_of("x" * 2_000)


def _said_of(message: str) -> str:
    with pytest.raises(AssertionError) as caught:
        raise AssertionError(message)
    failure = caught.getrepr()
    assert failure.reprcrash is not None
    shorten(failure)
    assert len(failure.reprcrash.message) < LONGEST_MESSAGE + 100
    return str(failure)
