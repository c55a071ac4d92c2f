"""Whether whoever owns an item of the checklist may do what it asks for: the commands that its text names, against the one
table of who may do what (`governance.matrix`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile

from crisis.plan import Plan, Role
from crisis.plan_gap import City, Gaps
from governance import matrix
from scheduler.checkup import BAD

NAMED = re.compile(r"`standfast ([^`]*)`")
WORD = re.compile(r"[a-z][a-z-]*")
STOP = "crisis"
"""The one verb that is the beginning of others, which stop nothing."""
NEEDS: Mapping[str, Collection[str]] = {row.verb: row.needs for row in matrix.ROWS if row.surface == matrix.COMMAND}
"""Verb → the permissions of which any one is enough."""


def gaps(plan: Plan, city: City) -> Gaps:
    """A fault for each item whose owner may not do what it names."""
    for phase, items in plan.checklist.items():
        for item in items:
            if item.owner in plan.roles:  # that it is no role is said by `plan_gap`
                for verb in dict.fromkeys(verbs(item.text)):
                    yield from _of_verb(f"checklist.{phase}: {item.id}", plan.roles[item.owner], verb, city)


def verbs(text: str) -> Iterator[str]:
    """The verbs that take a permission, of the commands that `text` names."""
    for command in NAMED.findall(text):
        found = _verb(command.split())
        if found is not None:
            yield found


def _verb(words: Sequence[str]) -> str | None:
    own = list(takewhile(WORD.fullmatch, words))
    names = (" ".join(own[:length]) for length in range(len(own), 0, -1))
    return next((name for name in names if name in NEEDS and (name != STOP or len(own) == 1)), None)


def _of_verb(key: str, owner: Role, verb: str, city: City) -> Gaps:
    needs = NEEDS[verb]
    held = city.roles.get(owner.access) if owner.access else frozenset()
    if held is None or held & set(needs):  # what is wrong with the access, or with who holds it, is said of the role
        return
    may = {person for need in needs for person in city.may.get(need, ())}
    lacking = [person for person in owner.people if person not in may]
    if owner.people and not lacking:
        return
    who = ", ".join(lacking) or f"the role {owner.name!r}"
    holding = [name for name, permissions in city.roles.items() if permissions & set(needs)]
    remedy = f"name an owner whose access is one of {', '.join(holding) or 'none there are yet'}, or grant it"
    yield BAD, f"{key} asks {owner.name!r} for `standfast {verb}`, which {who} may not do: {remedy}"
