from trackflow_tests.store.intake.test_reports import *  # noqa: F403
