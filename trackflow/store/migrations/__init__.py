"""Schema migrations, applied when a store is opened.

`versions/` holds one revision per change of the schema; a revision is never changed after its
release.
"""

SCHEMA_VERSION = "0026"
"""The newest revision in `versions/`."""
