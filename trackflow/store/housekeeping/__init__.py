"""Retention, rows of backups, counts over the whole store, and the service's own marks.

Writing and reading backup files belongs to the use cases; deleting one device to `store.devices`.
"""
