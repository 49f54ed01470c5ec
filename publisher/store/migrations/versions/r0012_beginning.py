"""The beginning: people are found by how their address begins, on a server too."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the index that PostgreSQL needs; SQLite's own order is that of the letters."""
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_subscribers_beginning",
            "subscribers",
            ["address_key"],
            postgresql_ops={"address_key": "text_pattern_ops"},
        )
