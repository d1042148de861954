"""Schema migrations, applied when a store is opened."""

SCHEMA_VERSION = "0009_access"
"""The newest revision in `versions/`."""
