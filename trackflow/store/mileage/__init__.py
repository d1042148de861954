"""SQL of the logbook: vehicles, drivers, odometer readings, rates, entries, amendments."""
