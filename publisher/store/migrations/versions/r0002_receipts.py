"""Receipts without an index of their own by edition: half their octets, and nobody misses it.

Those of an edition are found by its deliveries.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Drop the two indexes."""
    for table in ("receipts", "rehearsal_receipts"):
        op.drop_index(op.f(f"ix_{table}_edition_id"), table_name=table)
