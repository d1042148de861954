"""Use cases of travel modes and categories."""
