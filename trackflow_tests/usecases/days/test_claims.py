"""Batches that are given back say what they wait for."""

from pathlib import Path

import pytest

from trackflow.errors import BadInputError, EngineUnavailableError, NoNetworkError
from trackflow.geo.time import to_us
from trackflow.usecases.days.claims import claim_days, give_up
from trackflow_tests.helpers.stores import NOON, batch_of, deliver, open_context, statuses


@pytest.mark.parametrize(
    ("error", "deferred", "lacks_network"),
    [
        (NoNetworkError("no roads for car"), True, True),
        (EngineUnavailableError("no answer"), True, False),
        (BadInputError("broken"), False, False),
    ],
)
def test_only_a_missing_network_has_to_be_built(
    tmp_path: Path, error: Exception, deferred: bool, lacks_network: bool
) -> None:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as context:
        deliver(context.store, batch_of([("a", to_us(NOON), 1.0, 1.0)]))
        claims = claim_days(context, "a", [NOON.date()], "segmented", force=False)
        (report,) = give_up(context, claims, error)
        assert (report.deferred, report.lacks_network) == (deferred, lacks_network)
        assert report.error is not None
        assert str(error) in report.error
        assert statuses(context.store) == {("a", NOON.date()): "pending"}


def test_an_engine_without_a_network_says_how_to_build_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with (
        open_context(url, tmp_path, engine_url="") as context,
        pytest.raises(NoNetworkError, match="trackflow network build"),
    ):
        context.engine("car")
