"""How each part of a track was travelled and what it was for, by day, in Dagster."""
