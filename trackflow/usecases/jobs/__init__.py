"""Jobs that people ask for: their kinds, and how far each is."""
