"""Visits of devices to places, and places by their address. Pure rules."""
