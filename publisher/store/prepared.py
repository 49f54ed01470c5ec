"""Statements compiled once: what is done for every mail costs no building, only running."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import Connection, Dialect
    from sqlalchemy.engine.interfaces import DBAPICursor
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.operators import OperatorType

    _Bind = Callable[[Mapping[str, Any]], dict[str, Any] | tuple[Any, ...]]
    """Makes of a value for each parameter what the driver takes."""


class Prepared:
    """A statement whose every value is a parameter; they are given by name.

    It goes to the driver as it is, so that a thread that sends need not wait for one that builds.
    """

    def __init__(self, statement: sa.UpdateBase | sa.Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, _Bind]] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it, and return its rows as the driver has them."""
        with closing(self._run(connection, values)) as cursor:
            return list(cursor.fetchall())

    def count(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run it, and return how many rows it changed."""
        with closing(self._run(connection, values)) as cursor:
            return int(cursor.rowcount)

    def _run(self, connection: Connection, values: Mapping[str, Any]) -> DBAPICursor:
        name = connection.dialect.name
        if name not in self._compiled:
            self._compiled[name] = _compile(self._statement, connection.dialect)
        text, bind = self._compiled[name]
        return execute(connection, text, bind(values))


def execute(
    connection: Connection, text: str, parameters: dict[str, Any] | tuple[Any, ...] = ()
) -> DBAPICursor:
    """Run one statement by the driver; its errors are raised as SQLAlchemy's."""
    cursor = connection.connection.cursor()
    driver = connection.dialect.loaded_dbapi
    try:
        cursor.execute(text, parameters)
    except driver.Error as error:
        raise sa.exc.DBAPIError.instance(
            text, None, error, driver.Error, dialect=connection.dialect
        ) from error
    return cursor


def _compile(statement: sa.UpdateBase | sa.Select[Any], dialect: Dialect) -> tuple[str, _Bind]:
    made: Any = statement.compile(dialect=dialect)
    prepare = {
        name: one.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is
        for name, one in made.binds.items()
    }
    fixed = {
        name: prepare[name](one.value) for name, one in made.binds.items() if not one.required
    }
    asked = [(name, prepare[name]) for name in made.binds if name not in fixed]

    def by_name(values: Mapping[str, Any]) -> dict[str, Any]:
        return fixed | {name: prepared(values[name]) for name, prepared in asked}

    def by_place(values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(map(by_name(values).__getitem__, made.positiontup))

    return str(made), by_place if made.positional else by_name


def _as_it_is(value: Any) -> Any:
    return value


# ------------------------------------------------------------------------------------ many numbers


class _Numbers(sa.types.TypeDecorator[list[int]]):
    """Whole numbers as one parameter: a JSON text on SQLite, an array on PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        is_postgresql = dialect.name == "postgresql"
        return dialect.type_descriptor(sa.ARRAY(sa.BigInteger) if is_postgresql else sa.Text())

    @override
    def process_bind_param(self, value: list[int] | None, dialect: Dialect) -> Any:
        return value if dialect.name == "postgresql" else str(value)  # which JSON writes alike


class Among(sa.ColumnElement[bool]):
    """Matches a whole number that is among those of one parameter, however many they are."""

    inherit_cache = False

    def __init__(self, column: sa.ColumnElement[int], name: str) -> None:
        self.type = sa.Boolean()
        self.column = column
        self.numbers = sa.bindparam(name, type_=_Numbers)

    @override
    def self_group(self, against: OperatorType | None = None) -> Among:
        return self  # else SQLite, which has no booleans, is asked whether it is 1


@compiles(Among)
def _write_among(element: Among, compiler: SQLCompiler, **told: Any) -> str:
    column, numbers = (compiler.process(one, **told) for one in (element.column, element.numbers))
    if compiler.dialect.name == "postgresql":
        return f"{column} = ANY ({numbers})"
    listed = f"SELECT value FROM json_each({numbers})"  # noqa: S608 - its parameter's own mark
    return f"{column} IN ({listed})"
