"""The shipped plan as a city fills it in, and a city in which it then lacks nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from crisis import plan, plan_check
from crisis.plan import Plan
from crisis.plan_gap import City
from governance import roles

CANARY = "s3cretCANARY"
NOTICES = """
[[notice]]
person = "dora"
targets = ["NOTICE_DORA"]
language = "en"
acknowledge_within = "10m"
escalate_to = "omar"

[[notice]]
person = "omar"
targets = ["NOTICE_OMAR_PHONE", "NOTICE_OMAR_MAIL"]
language = "es"
"""


def filled() -> str:
    """The shipped plan with two people in every role, both on the notice list, read together on the last of January."""
    shipped = plan.SHIPPED.read_text(encoding="utf-8").replace("# reviewed = ", "reviewed = ")
    text = "".join(line for line in shipped.splitlines(keepends=True) if not line.startswith("#"))
    return text.replace("people = []", 'people = ["dora", "omar"]') + NOTICES


def changed(*edits: tuple[str, str]) -> str:
    """`filled` with the first place of each of the texts replaced."""
    text = filled()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def written(folder: Path, text: str) -> Path:
    """The plan's file in `folder`."""
    file = folder / "crisis-plan.toml"
    file.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, text: str) -> Plan:
    """The plan that `text` says."""
    return plan.read(written(folder, text))


def city(**changes: Any) -> City:
    """A city in which the filled plan lacks nothing."""
    both = {"dora", "omar"}
    made = City(
        today=date(2026, 3, 1),
        states=dict.fromkeys(both, "active"),
        may={permission: both for permission in roles.PERMISSIONS},
        roles=roles.read(roles.SHIPPED),
        roles_file="roles.toml",
        channels={"parks-x": "x", "hall": "outbox", "pool": "facebook"},
        groups={"outdoors"},
        over=plan_check._over,
        two_persons=True,
        variables=dict.fromkeys(("NOTICE_DORA", "NOTICE_OMAR_PHONE", "NOTICE_OMAR_MAIL"), CANARY),
    )
    return replace(made, **changes)
