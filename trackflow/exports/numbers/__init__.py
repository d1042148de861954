"""Numbers of a time as files."""
