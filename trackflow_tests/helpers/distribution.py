"""What the processes of one test run share out: whole modules, the longest first.

pytest-xdist's loadgroup hands out single tests. Neighbours in a module then run in different
processes, and each of these makes the module's fixtures anew.
"""

from collections import defaultdict

import pytest
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

SLOW_S, QUICK_S = 8.0, 0.2
"""About how long a test takes that is marked as slow, and one that is not."""

WAITING_S = {
    "topology": 350,
    "celery": 280,
    "serve": 240,
    "page": 205,
    "operations": 185,
    "dagster-ui": 170,
    "mesh service": 110,
    "starting": 100,
    "language": 100,
    "accessibility": 90,
    "trackflow_tests/usecases/catalogue/test_sync.py": 60,
    "mesh-kills": 60,
    "trackflow_tests/usecases/intake/test_nothing_lost.py": 60,
    "doing": 55,
    "trackflow_tests/store/test_service_limits.py": 50,
    "finding-page": 50,
    "kilometres": 45,
}
"""Units that wait for servers and browsers for most of their time. They and the others fill each
other's pauses: begun all at once, these left a processor idle for a quarter of an hour."""

BUSY_S = {
    "trackflow_tests/web/security/test_hostile.py": 110,
    "trackflow_tests/store/test_migrations.py": 75,
    "security": 55,
    "trackflow_tests/usecases/days/test_run.py": 55,
    "dg": 45,
    "trackflow_tests/defs/meshes/test_batches.py": 45,
    "trackflow_tests/usecases/days/test_exactness.py": 45,
    "trackflow_tests/test_light.py": 45,
    "trackflow_tests/usecases/housekeeping/test_restoring.py": 40,
    "engine-trouble": 40,
    "trackflow_tests/defs/test_days.py": 40,
    "trackflow_tests/usecases/housekeeping/test_retention.py": 35,
    "trackflow_tests/cli/test_main.py": 35,
    "trackflow_tests/usecases/intake/test_wrong_clock.py": 35,
    "trackflow_tests/usecases/days/test_sharing.py": 35,
    "trackflow_tests/usecases/days/test_track_ids.py": 30,
    "trackflow_tests/web/security/test_access.py": 30,
    "mesh children": 30,
}
"""Units that keep a processor busy. Both tables hold about how long the longest took in CI, by the
sums of `pytest --durations`; for their order."""

MEASURED_S = WAITING_S | BUSY_S


class ModulesInOrder(LoadGroupScheduling):
    """Hands out groups, and modules of what is in no group, in the order of the tests.

    Every other process takes what waits, and the rest what keeps a processor busy, as long as there
    is some of it.
    """

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def schedule(self) -> None:
        # xdist would put what has most tests first, and the long ones of few tests last
        self.config.option.loadscopereorder = False
        super().schedule()

    def _assign_work_unit(self, node: WorkerController) -> None:
        takes_waiting = self.nodes.index(node) % 2 == 0
        units = (unit for unit in self.workqueue if (unit in WAITING_S) == takes_waiting)
        if (unit := next(units, None)) is not None:
            self.workqueue.move_to_end(unit, last=False)
        super()._assign_work_unit(node)


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
