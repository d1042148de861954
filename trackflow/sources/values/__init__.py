"""Values as files and senders write them, to our units: numbers, times, zones, names."""
