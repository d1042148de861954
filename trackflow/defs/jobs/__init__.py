"""Jobs that people ask for: a run for each, started by a sensor."""
