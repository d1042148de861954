"""Housekeeping: deletes old data and old records of Dagster, and notifies of failed runs."""
