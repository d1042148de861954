"""Access: tokens, and no-token mode."""
