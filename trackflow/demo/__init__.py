"""A fleet with known truth, to see trackflow work: its roads, its drives, its devices' files.

Everything is simulated from a seed, so that a demo shows the same thing each time. It uses engines
and points; `show` alone uses the store and Dagster.
"""
