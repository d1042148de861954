"""What keeps the store and Dagster's own records from growing for ever."""
