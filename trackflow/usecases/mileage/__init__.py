"""Use cases of the logbook."""
