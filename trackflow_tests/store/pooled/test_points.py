from trackflow_tests.store.intake.test_points import *  # noqa: F403
