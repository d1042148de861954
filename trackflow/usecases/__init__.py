"""Use cases: claim, read, call the domain, publish. No Dagster, so that anything can run them."""
