"""What comes in: files, folders, deliveries, followed tables; and undoing an import."""
