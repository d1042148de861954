"""What the processes of one test run share out: whole modules, the longest first.

pytest-xdist's loadgroup hands out single tests. Neighbours in a module then run in different
processes, and each of these makes the module's fixtures anew.
"""

from collections import defaultdict

import pytest
from xdist.scheduler import LoadGroupScheduling

SLOW_S, QUICK_S = 8.0, 0.2
"""About how long a test takes that is marked as slow, and one that is not."""

MEASURED_S = {
    "topology": 330,
    "celery": 240,
    "operations": 230,
    "serve": 210,
    "starting": 90,
    "page": 160,
    "dagster-ui": 140,
    "language": 130,
    "mesh service": 90,
    "accessibility": 65,
    "trackflow_tests/usecases/intake/test_nothing_lost.py": 60,
    "trackflow_tests/store/test_migrations.py": 60,
    "trackflow_tests/store/test_service_limits.py": 60,
    "trackflow_tests/usecases/catalogue/test_sync.py": 50,
    "trackflow_tests/web/security/test_hostile.py": 50,
    "doing": 40,
    "dg": 40,
    "trackflow_tests/test_light.py": 35,
    "trackflow_tests/cli/test_main.py": 35,
    "security": 35,
    "mesh-kills": 35,
    "engine-trouble": 30,
    "trackflow_tests/usecases/days/test_run.py": 30,
    "trackflow_tests/web/security/test_access.py": 30,
    "trackflow_tests/usecases/housekeeping/test_restoring.py": 30,
    "trackflow_tests/usecases/intake/test_wrong_clock.py": 30,
    "trackflow_tests/usecases/days/test_exactness.py": 30,
}
"""How long the longest units took in CI, by the sums of `pytest --durations`; for their order."""


class ModulesInOrder(LoadGroupScheduling):
    """Hands out groups, and modules of what is in no group, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def schedule(self) -> None:
        # xdist would put what has most tests first, and the long ones of few tests last
        self.config.option.loadscopereorder = False
        super().schedule()


def unit_of(nodeid: str) -> str:
    """What the test with this id is handed out with: its group, or else its module."""
    if nodeid.rfind("@") > nodeid.rfind("]"):  # values in brackets may hold an "@", too
        return nodeid.rpartition("@")[2]
    return nodeid.partition("::")[0]


def longest_first(items: list[pytest.Item]) -> None:
    """Order tests so that the longest units begin first, and no process is alone at the end."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for item in items:
        seconds[unit_of(item.nodeid)] += SLOW_S if item.get_closest_marker("slow") else QUICK_S
    seconds.update({unit: MEASURED_S[unit] for unit in seconds.keys() & MEASURED_S.keys()})
    items.sort(key=lambda item: (-seconds[unit_of(item.nodeid)], unit_of(item.nodeid)))
