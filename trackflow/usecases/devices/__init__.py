"""Devices: settings, renaming, moving points in time, purging. Tokens belong to `access`."""
