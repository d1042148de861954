"""Access: tokens, and no-token mode. Decisions about a request belong to `web.security`."""
