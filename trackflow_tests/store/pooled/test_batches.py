from trackflow_tests.store.days.test_batches import *  # noqa: F403
