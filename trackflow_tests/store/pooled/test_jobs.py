from trackflow_tests.store.jobs.test_jobs import *  # noqa: F403
