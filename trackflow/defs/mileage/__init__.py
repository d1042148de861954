"""The logbook: entries that close, reminders, and reports of months."""
