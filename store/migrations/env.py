"""What Alembic runs: the migrations on the connection that `store.migration` has locked (there is no other way in)."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
