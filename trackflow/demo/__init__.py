"""A fleet with known truth, to see trackflow work: its roads, its drives, its devices' files.

Everything is simulated from a seed, so that a demo shows the same thing each time. Knows engines
and points; no database and no Dagster.
"""
