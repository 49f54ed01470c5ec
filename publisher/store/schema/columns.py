"""What columns are made of: times, states as numbers, names of constraints, one of some words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Integer
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from publisher.model import DeliveryState

if TYPE_CHECKING:
    from enum import StrEnum

    from sqlalchemy.engine import Dialect

DELIVERY_STATES = tuple(DeliveryState)
"""Delivery states are small numbers in the table, their places here: 0 pending, 1 inflight, …"""

_DELIVERY_CODES = {state: code for code, state in enumerate(DELIVERY_STATES)}

KEY_PURPOSES = ("link", "bounce", "form", "session", "pepper")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC; a naive one is refused."""

    impl = sa.DateTime
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sa.DateTime(timezone=dialect.name == "postgresql"))

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without a zone cannot be stored"
            raise ValueError(msg)
        in_utc = value.astimezone(UTC)
        return in_utc if dialect.name == "postgresql" else in_utc.replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DeliveryCode(TypeDecorator[DeliveryState]):
    """A delivery's state as a small number."""

    impl = sa.SmallInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: DeliveryState | None, dialect: Dialect) -> int | None:
        return None if value is None else _DELIVERY_CODES[value]

    @override
    def process_result_value(self, value: int | None, dialect: Dialect) -> DeliveryState | None:
        return None if value is None else DELIVERY_STATES[value]


BIG = sa.BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only plain INTEGER keys

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, values: type[StrEnum] | tuple[str, ...]) -> CheckConstraint:
    """Return the promise that a column holds one of these words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
