"""The work by day: its assets, their checks, the job, and what starts it."""
