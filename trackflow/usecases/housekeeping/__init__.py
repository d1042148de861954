"""Looking after a store: backups, retention, how it stands."""
