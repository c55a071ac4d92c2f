"""The kinds of columns that the tables are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, Integer, String, Text, false, text
from sqlmodel import Field

IDENTITY = BigInteger().with_variant(Integer, "sqlite")


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=f"{column}_known")


def big(*, nullable: bool = False, index: bool = False, default: int | None = None) -> Any:
    kind = Column(BigInteger, nullable=nullable, index=index, server_default=None if default is None else str(default))
    return Field(default=default, sa_column=kind)


def long_text(default: str = "") -> Any:
    return Field(default=default, sa_column=Column(Text, nullable=False))


def word(default: str) -> Any:
    """A short text that a row has had since before the column was there."""
    return Field(default=default, sa_column=Column(String, nullable=False, server_default=default or text("''")))


def flag() -> Any:
    """Something that is not so unless it is said; a row has had it since before the column was there."""
    return Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))


def json(default: Any) -> Any:
    return Field(default_factory=lambda: default, sa_column=Column(JSON, nullable=False))
