"""Jobs that people ask for, and the workers that are there."""
