"""Jobs that people request: kinds, progress, control. Each kind's work belongs to its subject."""
