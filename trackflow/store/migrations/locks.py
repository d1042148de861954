"""Locks of PostgreSQL that migrations take."""

LOCK_KEY = 0x7261636B
"""Key of PostgreSQL's advisory lock: two processes that start at once must not both migrate."""

LOCK_WAIT = "SET LOCAL lock_timeout = '2s'"
"""A statement that waits longer for a table holds up all its readers, which queue behind it."""
