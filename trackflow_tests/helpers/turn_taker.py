"""A process that takes turns of a rate limit: it begins when told so, and prints each moment."""

import sys
import time
from pathlib import Path

from trackflow.store.database import open_store
from trackflow.store.services import Services
from trackflow_tests.helpers.stores import settings_of

if __name__ == "__main__":
    url, service, per_s, turns, home = sys.argv[1:]
    limit = Services(open_store(settings_of(url, Path(home)))).rate(service, float(per_s))
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(turns)):
        limit.wait()
        # the clock is that of the machine, so moments of two processes can be compared
        print(time.monotonic(), flush=True)
