"""Who is told what: messages to people about work that went wrong."""
