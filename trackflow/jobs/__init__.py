"""Long-running work that somebody watches: progress, heartbeat, cancel, resume."""
