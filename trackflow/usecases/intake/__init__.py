"""Intake of points: files, folders, deliveries, followed tables; and undoing an import."""
