from trackflow_tests.store.intake.test_imports import *  # noqa: F403
