"""The `trackflow` command: one module for each subject."""
