"""Alerts: what is wrong with the service now, and telling people when it begins and ends."""
