"""Access to the API: tokens, no-token mode, limits on requests."""
