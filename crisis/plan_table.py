"""The plan's file as `config.toml_table` reads it: what is wrong with it is a PlanError."""

from __future__ import annotations

from typing import ClassVar

from config import toml_table
from config.toml_table import MOST_FAULTS as MOST_FAULTS
from config.toml_table import NAME as NAME
from config.toml_table import Form as Form
from config.toml_table import Table as Table
from config.toml_table import TableError
from config.toml_table import shown as shown


class PlanError(TableError):
    """The plan cannot be used: `faults` has one line per mistake."""


class Faults(toml_table.Faults):
    """The mistakes found so far in a plan's file."""

    error: ClassVar[type[TableError]] = PlanError
