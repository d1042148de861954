"""Tables for people as files: Excel and PDF."""
