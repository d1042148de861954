"""The catalogue of race tracks: kept in step with its source, reported, undone."""
