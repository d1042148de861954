"""Jobs that people request: a sensor starts a run for each."""
