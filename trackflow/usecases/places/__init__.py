"""Visits to race tracks, and places found by their address."""
