"""Schema migrations, applied when a store is opened."""

SCHEMA_VERSION = "0012"
"""The newest revision in `versions/`."""
