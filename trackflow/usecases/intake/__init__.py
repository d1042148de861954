"""Intake of points: imports, deliveries, tables, quarantine. Readers belong to `sources`."""
