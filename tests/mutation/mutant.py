"""A mutant's name: where it is and what its lines became, the same as long as those lines stay as they are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from cosmic_ray import plugins
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_item import MutationSpec

from tests.mutation.operator import Provider

plugins.OPERATOR_PROVIDERS["standfast"] = Provider()


@dataclass(frozen=True, order=True)
class Mutant:
    """One change: in which file and function, the lines before and after, each without indentation."""

    file: str
    function: str
    was: str
    becomes: str


def named(spec: MutationSpec, source: str) -> Mutant | None:
    """The mutant that `spec` makes of `source`, None when it makes none."""
    made: str | None = mutate_code(
        source, plugins.get_operator(spec.operator_name)(**spec.operator_args), spec.occurrence
    )
    if made is None or made == source:
        return None
    changes = list(difflib.unified_diff(source.splitlines(), made.splitlines(), n=0))[2:]
    return Mutant(str(spec.module_path), spec.definition_name or "", _lines(changes, "-"), _lines(changes, "+"))


def _lines(changes: list[str], sign: str) -> str:
    return " ".join(line[1:].strip() for line in changes if line.startswith(sign))
