"""A process that holds permits until it is killed; it prints a line once it has them."""

import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from trackflow.concurrency.deadline import Deadline
from trackflow.store.database import open_store
from trackflow.store.services import Services
from trackflow_tests.helpers.stores import settings_of
from trackflow_tests.helpers.waiting import PATIENCE_S

if __name__ == "__main__":
    url, service, most, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    services = Services(open_store(settings_of(url, Path(sys.argv[5]))))
    limit = services.connections(service, most)
    with ExitStack() as held:
        for _ in range(wanted):
            held.enter_context(limit.held(Deadline.after(PATIENCE_S)))
        print("held", flush=True)
        threading.Event().wait()
