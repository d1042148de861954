"""Maintenance of a store: backups, retention, status, health, notices of failed runs."""
