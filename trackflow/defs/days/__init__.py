"""Processing by day: assets, checks, jobs, schedules and sensors."""
