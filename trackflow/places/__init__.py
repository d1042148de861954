"""Visits of devices to places, and coordinates of places by their address.

Pure rules and the clients of geocoders: no store, no Dagster. Stays of devices are in `tracks`.
"""
