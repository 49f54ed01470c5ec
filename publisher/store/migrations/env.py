"""Alembic's entry: runs the revisions on the connection it is given, in one transaction."""

from __future__ import annotations

from alembic import context

from publisher.store.schema import indexes, metadata  # noqa: F401 - they belong to the tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
