"""Alembic's entry: runs migrations on the connection and in the transaction of its caller."""

from alembic import context

from trackflow.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
context.run_migrations()
