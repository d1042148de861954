"""Schema migrations, applied when a store is opened."""

SCHEMA_VERSION = "0010"
"""The newest revision in `versions/`."""
