"""Retention, backups, and moments that the service notes for itself."""
