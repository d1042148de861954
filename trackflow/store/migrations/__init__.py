"""Schema migrations, applied when a store is opened."""

SCHEMA_VERSION = "0006"
"""The newest revision in `versions/`."""
