from trackflow_tests.store.meshes.test_claims import *  # noqa: F403
