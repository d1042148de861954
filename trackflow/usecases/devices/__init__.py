"""Devices: settings, other names, points moved in time, purging."""
