"""The `trackflow` command: one module for each subject. It parses arguments and prints results."""
