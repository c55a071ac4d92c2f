"""A department's own addresses in the plan: where what the public writes to the city is passed on to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from crisis.plan_table import Form, Table
from crisis.statement import LANGUAGE


@dataclass(frozen=True)
class Department:
    """`targets`: names of variables that hold the addresses."""

    name: str
    targets: tuple[str, ...]
    language: str


def read(table: Table, variable: Form) -> dict[str, Department]:
    """The plan's departments by name. An address that stands here by mistake is a secret: no value is ever shown."""
    found: dict[str, Department] = {}
    for row in table.rows("department", hush=True):
        own = Department(
            name=row.text("name", '"Parks and Recreation"'),
            targets=row.ids("targets", '["PARKS_DESK"]', variable),
            language=row.id("language", '"en"', LANGUAGE, needed=False) or "en",
        )
        row.close()
        if own.name in found:
            row.fault("name", "is there already: keep one table for each department")
        found[own.name] = own
    return found


def unset(departments: Mapping[str, Department], variables: Collection[str]) -> Iterator[str]:
    """One line for each variable that is named and is not among `variables`, which hold something."""
    for place, own in enumerate(departments.values(), 1):
        for name in own.targets:
            if name not in variables:
                yield f"department[{place}].targets names {name}, which is not set: add it to .env"
