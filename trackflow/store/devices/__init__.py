"""Devices: their settings, their names, and what moves or deletes all that they sent."""
