"""Visits to race tracks, and coordinates of addresses. Rules belong to `places`."""
