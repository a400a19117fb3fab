"""Alembic's entry point: runs the migrations on the connection that `migrate` hands over."""

from alembic import context

from moorage.storage.database.schema.whole import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
