"""The work that starts by itself where no Dagster runs."""
