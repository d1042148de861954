"""Who may do what: tokens, and the mode without one."""
